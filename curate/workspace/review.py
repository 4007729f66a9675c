"""What a workspace does about review: browse, push, sync, label, status, reviewers."""

from __future__ import annotations

from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from curate.workspace.arguments import require_number, require_one_of
from curate.workspace.opened import AnyPath, OpenedFolder
from db.errors import NotAnOutput

if TYPE_CHECKING:
    from curate.rounds.consensus import Conflict
    from curate.rounds.plan import AgainSettings
    from curate.rounds.push_summary import PushSummary
    from curate.rounds.status import RoundStatus
    from db.reviews.reviewers import ReviewerRow
    from review.fiftyone.dataset.sync import SyncSummary
    from review.label_studio.push.cancel import Cancelled
    from review.label_studio.sync.summary import Synced


class ReviewVerbs(OpenedFolder):
    """The commands about review."""

    def label(
        self,
        artwork: str,
        attribute: str,
        class_: str,
        *,
        atypical: bool = False,
        comment: str | None = None,
        user: str | None = None,
        final: bool = False,
    ) -> tuple[str, int]:
        """Say which class an artwork has, as a reviewer would.

        Args:
            artwork: Its path or id.
            attribute: Of which attribute.
            class_: The right class: key, name or alias.
            atypical: It is right, but unlike its class: do not ask again.
            comment: Why; kept with the verdict.
            user: Who says so; whoever is at this machine if left out.
            final: It is the last word where reviewers disagree: it outweighs all of them.

        Returns:
            What that is (``confirmed``, ``corrected`` …), and how many labels changed by it.
        """
        from db.classes.classes import find_attribute, find_class
        from db.decision_rules import of_choice
        from db.labels.table import find_artwork
        from db.reviews.answering.answers import Decision
        from db.reviews.answering.recording import decide
        from db.reviews.answering.verdicts import current_class
        from db.workspace.system import user_name

        with self._catalog() as catalog, catalog.write() as session:
            row = find_artwork(session, artwork)
            of = find_attribute(session, attribute)
            chosen = find_class(session, of, class_)
            said = of_choice(current_class(session, row.id, of.id), chosen)
            word = "atypical" if atypical and said == "confirmed" else said
            recorded = decide(
                session,
                row.id,
                [Decision(of.id, word, chosen)],
                user=user or user_name(),
                annotation_id=uuid4().hex,
                comment=comment,
                final=final,
            )
            return word, recorded.labels_changed

    def browse(self, run: int | None = None, *, launch: bool = True, full: bool = False) -> Any:
        """Bring the FiftyOne dataset up to date, and show it.

        Args:
            run: The run to show; the newest complete one if left out.
            launch: False only brings the dataset up to date.
            full: Compare every sample with the catalog, not only what changed.

        Returns:
            FiftyOne's session, which a notebook shows; what was synced, where ``launch`` is False.
        """
        from review.fiftyone.app.session import open_session

        summary = self.sync_dataset(run, full=full)
        if not launch:
            return summary
        return open_session(self._folder)

    def sync_dataset(self, run: int | None = None, *, full: bool = False) -> SyncSummary:
        """Bring the FiftyOne dataset up to date, and return what was synced; see :meth:`browse`."""
        from review.fiftyone.dataset.sync import sync_dataset

        with self._progress() as progress, self._catalog() as catalog:
            return sync_dataset(self._folder, catalog, run, progress, full)

    def push(
        self,
        limit: int = 100,
        *,
        attribute: str | None = None,
        run: int | None = None,
        audit: float = 0.05,
        controls: float | AnyPath = 0.05,
        annotators: int = 1,
        per_sheet: int | None = None,
        again: AgainSettings | None = None,
        sheet: AnyPath | None = None,
        batch: int | None = None,
        dry_run: bool = False,
    ) -> PushSummary:
        """Send a batch of artworks to Label Studio, first those whose review should fix most.

        Args:
            limit: Artworks in the batch, audits and controls among them.
            attribute: Rank by the issues of this attribute only.
            run: The run whose issues are asked about; the newest complete one if left out.
            audit: The share drawn at random, to estimate the errors left.
            controls: The share whose answer is known, to measure reviewers; or a list of known answers.
            annotators: How many reviewers judge each artwork.
            per_sheet: Contact sheets, many artworks at once, with at most this many on one.
            again: Ask about labels that were judged before: of a class, by a reviewer, before a day.
            sheet: Write a sheet to fill in instead, ``.csv``, ``.xlsx`` or ``.html``; no server is needed.
            batch: Write the sheet of this batch again: it was lost.
            dry_run: Only plan.

        Returns:
            What was sent, how many wrong labels its reviews should find (``expected_yield``), and how many
            are wrong in all (``expected_wrong``); ``print`` says it as the command does.
        """
        from curate.rounds.plan import BatchSettings
        from curate.rounds.push import SHEETS, push

        require_number("limit", limit, 1)
        require_number("audit", audit, 0, 1)
        require_number("annotators", annotators, 1, 5)
        if per_sheet is not None:
            require_number("per_sheet", per_sheet, 2, 24)
        if isinstance(controls, float | int):
            require_number("controls", controls, 0, 1)
        if sheet is not None and sheet not in SHEETS:
            if Path(sheet).is_dir():
                raise NotAnOutput(Path(sheet), "it is a folder")
            require_one_of("The suffix of sheet", Path(sheet).suffix.lower().lstrip("."), SHEETS)
        share, answers = (controls, None) if isinstance(controls, float | int) else (0.05, Path(controls))
        settings = BatchSettings(
            limit=index(limit),
            attribute=attribute,
            audit=audit,
            controls=share,
            answers=answers,
            annotators=annotators,
            per_sheet=per_sheet,
            again=again,
        )
        with self._catalog() as catalog, self._progress() as progress:
            return push(
                self._folder, catalog, settings, run, progress, sheet=sheet, batch=batch, dry_run=dry_run
            )

    def cancel(self, batch: int, *, dry_run: bool = False) -> Cancelled:
        """Take back what nobody has begun of a batch, as ``curate push --cancel`` does.

        Args:
            batch: Its number.
            dry_run: Only count.
        """
        from review.label_studio.push.cancel import cancel_batch, open_artworks

        with self._catalog() as catalog:
            return (open_artworks if dry_run else cancel_batch)(catalog, index(batch))

    def sync(self, source: AnyPath | None = None, *, full: bool = False) -> Synced:
        """Bring reviewers' answers into the catalog.

        Args:
            source: A filled sheet, or an export of Label Studio (``.json``); the workspace's Label Studio
                if left out.
            full: Read everything again, and notice what was deleted.
        """
        if source is not None:
            from review.label_studio.sync.export_file import read_export
            from review.sheet.filled_answers import read_sheet

            read = read_export if Path(source).suffix.lower() == ".json" else read_sheet
            with self._catalog() as catalog:
                return read(catalog, Path(source))
        from curate.rounds.push import require_server
        from review.label_studio.sync.fetch import open_fetchers
        from review.label_studio.sync.summary import Synced

        synced = Synced()
        with self._catalog() as catalog:
            require_server(catalog)
            with open_fetchers(self._folder, catalog) as fetchers:
                for fetcher in fetchers:
                    with self._progress() as progress:
                        synced.join(fetcher.sync(progress, full=full))
        return synced

    def status(self) -> RoundStatus:
        """Return where the round stands, the errors left, and what another round should bring."""
        from curate.rounds.status import read_round_status

        with self._catalog() as catalog:
            return read_round_status(catalog, self._folder.settings.train)

    def reviewers(self) -> list[ReviewerRow]:
        """Return who reviewed how much, how fast and how well."""
        from db.reviews.reviewers import reviewer_rows

        with self._catalog() as catalog, catalog.read() as session:
            return reviewer_rows(session)

    def conflicts(self) -> list[Conflict]:
        """Return the labels that reviewers disagree on and nobody has settled."""
        from curate.rounds.consensus import find_conflicts

        with self._catalog() as catalog:
            return find_conflicts(self._folder, catalog)
