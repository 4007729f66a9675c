"""The catalog's tables, one class a noun.

Rows of labels, verdicts and refusals are added and never edited: what somebody once said stays readable.
What follows from them (``EffectiveLabel``, the state of an issue or a task) is derived in the
transaction that adds the row.
"""

from __future__ import annotations

import uuid as uuid_
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    event,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db import decision_rules, provenance

ARTWORK_STATUSES = ("ok", "unverified", "refused", "missing", "unusable")
LABEL_AUTHORITIES = ("import", "reviewer", "adjudicated")
RUN_STATES = ("running", "complete", "failed")
ISSUE_KINDS = ("label", "label_conflict", "outlier", "unusable", "duplicate", "unreadable", "property")
ISSUE_STATES = ("open", "pushed", "resolved", "dismissed", "stale")
ASKED_KINDS = ("label", "label_conflict")
"""The kinds of issue that a reviewer is asked about."""
OPEN_STATES = ("open", "pushed")
"""The states in which an issue may be asked about."""
PURPOSES = ("review", "audit", "control")
TASK_STATES = ("open", "done", "withdrawn")
REVIEW_FORMS = ("card", "contact_sheet")
"""How an answer was given: one artwork at a time, or on a sheet of many with one question."""
WITHHELD_REASONS = (
    "several_values",
    "qualified",
    "formula_cell",
    "label_too_long",
    "control_character",
    "not_utf8",
)
"""Why a cell gives no label although something stands in it."""
ANNOTATION_STATES = ("accepted", "skipped", "refused", "deleted")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored without its zone because SQLite keeps none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Return the constraint that a text column holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Base(DeclarativeBase):
    """Declarative base; every constraint has a name, since SQLite cannot alter an unnamed one."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: UtcDateTime, uuid_.UUID: Uuid}  # noqa: RUF012


class CatalogSetting(Base):
    """What every workspace on this catalog must agree on: its identity, where runs are kept."""

    __tablename__ = "catalog_setting"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Source(Base):
    """Who a label comes from: ``import:artgan``, ``reviewer:…``; among imports the higher priority wins."""

    __tablename__ = "source"
    __table_args__ = (one_of("authority", LABEL_AUTHORITIES),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    authority: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int] = mapped_column(default=0)


class Attribute(Base):
    """One set of classes: style, genre, artist; ``name`` is its key, ``title`` what people call it."""

    __tablename__ = "attribute"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str | None] = mapped_column(String(200))
    position: Mapped[int]

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.title or self.name


class Class(Base):
    """One value of an attribute: a stable key, a display name; aliases stand in ``ClassAlias``.

    ``spelling`` is the first that was met, which labels without a spelling of their own have; a class that is
    ``missing`` is a spelling that stands for no label.
    """

    __tablename__ = "class"
    __table_args__ = (UniqueConstraint("attribute_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"))
    key: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    spelling: Mapped[str | None] = mapped_column(String(200))
    missing: Mapped[bool] = mapped_column(default=False, server_default=false())
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ClassAlias(Base):
    """One spelling of a class; ``folded`` is what spellings are compared by."""

    __tablename__ = "class_alias"
    __table_args__ = (UniqueConstraint("attribute_id", "folded"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"))
    class_id: Mapped[int] = mapped_column(ForeignKey("class.id"), index=True)
    folded: Mapped[str] = mapped_column(String(200))
    alias: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ClassChange(Base):
    """One change of the class list: added, renamed, merged, taken as missing; who and when."""

    __tablename__ = "class_change"
    __table_args__ = (one_of("kind", ("added", "renamed", "merged", "aliased", "missing")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("class.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, Any]]
    made_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)


class DuplicateGroup(Base):
    """Artworks whose images are the same (exact) or look the same (near)."""

    __tablename__ = "duplicate_group"
    __table_args__ = (one_of("kind", ("exact", "near")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    size: Mapped[int]


class Artwork(Base):
    """One image of one collection, known by its uuid; found by (collection, root, path).

    ``needs_copy`` says that no browser shows the image as it is (None: not known, read by an older version);
    ``ingest_id`` names the ingest that brought it.
    """

    __tablename__ = "artwork"
    __table_args__ = (UniqueConstraint("path", "root", "collection"), one_of("status", ARTWORK_STATUSES))

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[uuid_.UUID] = mapped_column(unique=True, default=uuid_.uuid4)
    collection: Mapped[str] = mapped_column(String(100))
    root: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(String(16), index=True)
    reason: Mapped[str | None] = mapped_column(String(64))
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    phash: Mapped[str | None] = mapped_column(String(64))
    phash_detail: Mapped[float | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    mtime_ns: Mapped[int | None] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    image_format: Mapped[str | None] = mapped_column(String(16))
    needs_copy: Mapped[bool | None]
    ingest_id: Mapped[int | None]
    duplicate_group_id: Mapped[int | None] = mapped_column(ForeignKey("duplicate_group.id"), index=True)
    added_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Ingest(Base):
    """One ``curate ingest``: what was read, what its columns were taken for, and what came of it.

    ``undone_at`` is when it was taken back.
    """

    __tablename__ = "ingest"

    id: Mapped[int] = mapped_column(primary_key=True)
    location: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(16))
    mapping: Mapped[dict[str, Any] | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class Refusal(Base):
    """One record that was not taken, and why."""

    __tablename__ = "refusal"

    id: Mapped[int] = mapped_column(primary_key=True)
    ingest_id: Mapped[int] = mapped_column(ForeignKey("ingest.id"), index=True)
    record: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text, default="")


class Listing(Base):
    """How one source lists an artwork, beyond its labels; absent where it says no more than the path.

    ``path`` is as written there, ``known_as`` the id that its people use, ``cells`` the kept columns.
    """

    __tablename__ = "listing"
    __table_args__ = (UniqueConstraint("artwork_id", "source_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    path: Mapped[str] = mapped_column(Text)
    known_as: Mapped[str | None] = mapped_column(Text, index=True)
    cells: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Withheld(Base):
    """What a source's cell says where it gives no label: several values, or another hand than the artist's.

    ``spelling`` is the whole cell, ``detail`` what was read in it, so that nothing needs to be read again.
    """

    __tablename__ = "withheld"
    __table_args__ = (
        UniqueConstraint("artwork_id", "attribute_id", "source_id"),
        one_of("reason", WITHHELD_REASONS),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"))
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    reason: Mapped[str] = mapped_column(String(32))
    spelling: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SplitFact(Base):
    """The split a source puts an artwork in, for one attribute's list or for all (no attribute)."""

    __tablename__ = "split_fact"
    __table_args__ = (
        Index("ix_split_fact_artwork_id_split", "artwork_id", "split"),
        Index("ix_split_fact_attribute_id_split", "attribute_id", "split"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    attribute_id: Mapped[int | None] = mapped_column(ForeignKey("attribute.id"))
    split: Mapped[str] = mapped_column(String(32))
    ingest_id: Mapped[int | None]


class Label(Base):
    """One class of one artwork and attribute, from one source; a row with ``retracts_id`` takes one back.

    ``spelling`` is how the source writes it, where that is not the class's own ``spelling``.
    ``ingest_id`` names the ingest that wrote the row, where one did.
    """

    __tablename__ = "label"
    __table_args__ = (Index("ix_label_artwork_id_attribute_id", "artwork_id", "attribute_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"))
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"))
    class_id: Mapped[int] = mapped_column(ForeignKey("class.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    verdict_id: Mapped[int | None] = mapped_column(ForeignKey("verdict.id"), index=True)
    retracts_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), index=True)
    spelling: Mapped[str | None] = mapped_column(Text)
    ingest_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class EffectiveLabel(Base):
    """The label that counts: adjudicated, else the reviewers' consensus, else the best import."""

    __tablename__ = "effective_label"
    __table_args__ = (
        Index("ix_effective_label_attribute_id_class_id", "attribute_id", "class_id"),
        Index(
            "ix_effective_label_conflict",
            "artwork_id",
            "attribute_id",
            sqlite_where=text("conflict"),
        ),
        one_of("authority", LABEL_AUTHORITIES),
    )

    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("class.id"))
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id"))
    authority: Mapped[str] = mapped_column(String(16))
    conflict: Mapped[bool] = mapped_column(default=False)


class Run(Base):
    """One training run; its arrays lie at ``<runs_url>/<uuid>/`` and are named by ``arrays_digest``.

    ``labels_seen`` is the newest label row that it saw: what came later may have changed its labels.
    """

    __tablename__ = "run"
    __table_args__ = (one_of("state", RUN_STATES),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[uuid_.UUID] = mapped_column(unique=True, default=uuid_.uuid4)
    state: Mapped[str] = mapped_column(String(16), default="running")
    backbone: Mapped[str] = mapped_column(String(100))
    protocol: Mapped[str] = mapped_column(String(32))
    seed: Mapped[int]
    settings: Mapped[dict[str, Any]]
    label_digest: Mapped[str] = mapped_column(String(64))
    labels_seen: Mapped[int] = mapped_column(default=0)
    arrays_digest: Mapped[str | None] = mapped_column(String(64))
    seconds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    completed_at: Mapped[datetime | None]


class RunAttribute(Base):
    """The classes of one attribute in a run, in the order of its probability columns, and its metrics."""

    __tablename__ = "run_attribute"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"), primary_key=True)
    classes: Mapped[list[str]]
    metrics: Mapped[dict[str, Any]]


class Prediction(Base):
    """What one run says of one attribute of one artwork, in scalars; probabilities in [0, 1]."""

    __tablename__ = "prediction"
    __table_args__ = (
        Index("ix_prediction_run_id_attribute_id_score", "run_id", "attribute_id", "score"),
        one_of("provenance", provenance.ALL),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"), primary_key=True)
    fold: Mapped[int | None]
    provenance: Mapped[str] = mapped_column(String(16))
    predicted_id: Mapped[int] = mapped_column(ForeignKey("class.id"))
    p_predicted: Mapped[float]
    class_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    p_label: Mapped[float | None]
    score: Mapped[float | None]
    suggested_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    p_suggested: Mapped[float | None]


class Issue(Base):
    """One suspected fault of one artwork; ``score`` in [0, 1], lower is worse."""

    __tablename__ = "issue"
    __table_args__ = (
        UniqueConstraint("run_id", "artwork_id", "attribute_id", "kind"),
        Index("ix_issue_kind_score", "kind", "score", "state"),
        Index("ix_issue_run_id_kind_score", "run_id", "kind", "score", "state", "artwork_id", "attribute_id"),
        one_of("kind", ISSUE_KINDS),
        one_of("state", ISSUE_STATES),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), index=True)
    attribute_id: Mapped[int | None] = mapped_column(ForeignKey("attribute.id"))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default="open")
    score: Mapped[float]
    class_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    suggested_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    p_label: Mapped[float | None]
    p_suggested: Mapped[float | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Batch(Base):
    """What one push asked for. ``sent`` is false until every task of it is known to be at the server.

    ``per_sheet`` is how many artworks a contact sheet of it holds at most; none where each is asked alone.
    """

    __tablename__ = "batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[uuid_.UUID] = mapped_column(unique=True, default=uuid_.uuid4)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    server: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[int | None]
    budget: Mapped[int]
    annotators: Mapped[int] = mapped_column(default=1)
    expected_yield: Mapped[float]
    sent: Mapped[bool] = mapped_column(default=False)
    per_sheet: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class BatchItem(Base):
    """One artwork of a batch: why it is in it, and with what probability it was drawn."""

    __tablename__ = "batch_item"
    __table_args__ = (UniqueConstraint("batch_id", "artwork_id"), one_of("purpose", PURPOSES))

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(8))
    attributes: Mapped[list[str]]
    score: Mapped[float] = mapped_column(default=0.5)
    inclusion_probability: Mapped[float | None]
    known: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Task(Base):
    """One artwork at one server; at most one open task for each artwork and purpose."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("server", "project_id", "task_id"),
        Index(
            "uq_task_open",
            "artwork_id",
            "purpose",
            unique=True,
            sqlite_where=text("state = 'open'"),
        ),
        one_of("purpose", PURPOSES),
        one_of("state", TASK_STATES),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[int]
    task_id: Mapped[int]
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16), default="open")
    model_version: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class SheetCell(Base):
    """One artwork and attribute on a contact sheet; ``sheet_id`` is the number of its task there."""

    __tablename__ = "sheet_cell"
    __table_args__ = (
        UniqueConstraint("batch_id", "sheet_id", "position"),
        UniqueConstraint("batch_id", "artwork_id", "attribute_id"),
        Index("ix_sheet_cell_sheet_id", "sheet_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[int]
    sheet_id: Mapped[int]
    position: Mapped[int]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), index=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"))


class Reviewer(Base):
    """A person, by server and user id; ``local`` is this machine."""

    __tablename__ = "reviewer"
    __table_args__ = (UniqueConstraint("server", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(String(200))
    user_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))


class Annotation(Base):
    """One answer as the server gave it, kept raw; read again only when its ``updated_at`` moves."""

    __tablename__ = "annotation"
    __table_args__ = (UniqueConstraint("server", "annotation_id"), one_of("state", ANNOTATION_STATES))

    id: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(String(200))
    annotation_id: Mapped[str] = mapped_column(String(64))
    artwork_id: Mapped[int | None] = mapped_column(ForeignKey("artwork.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"), index=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("reviewer.id"))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime]
    raw: Mapped[dict[str, Any]]


class Verdict(Base):
    """What one reviewer decided on one attribute (none: on the image); superseded rows stay."""

    __tablename__ = "verdict"
    __table_args__ = (
        Index(
            "uq_verdict_current_attribute",
            "server",
            "annotation_id",
            "attribute_id",
            unique=True,
            sqlite_where=text("superseded_at IS NULL AND attribute_id IS NOT NULL"),
        ),
        Index(
            "uq_verdict_current_image",
            "server",
            "annotation_id",
            unique=True,
            sqlite_where=text("superseded_at IS NULL AND attribute_id IS NULL"),
        ),
        Index("ix_verdict_artwork_id_attribute_id", "artwork_id", "attribute_id"),
        Index("ix_verdict_annotation_id_server", "annotation_id", "server"),
        one_of("decision", decision_rules.ALL),
        one_of("purpose", PURPOSES),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(String(200))
    annotation_id: Mapped[str] = mapped_column(String(64))
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"))
    attribute_id: Mapped[int | None] = mapped_column(ForeignKey("attribute.id"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("reviewer.id"), index=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(8))
    decision: Mapped[str] = mapped_column(String(16))
    form: Mapped[str] = mapped_column(String(16), default="card", server_default="card")
    given_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    class_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    comment: Mapped[str | None] = mapped_column(Text)
    seconds: Mapped[float | None]
    decided_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=now)
    superseded_at: Mapped[datetime | None]


class ControlAnswer(Base):
    """What a reviewer answered where the answer was known; it measures the reviewer, never the label."""

    __tablename__ = "control_answer"
    __table_args__ = (UniqueConstraint("server", "annotation_id", "attribute_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(String(200))
    annotation_id: Mapped[str] = mapped_column(String(64))
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artwork.id"), index=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attribute.id"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("reviewer.id"), index=True)
    known_id: Mapped[int] = mapped_column(ForeignKey("class.id"))
    class_id: Mapped[int | None] = mapped_column(ForeignKey("class.id"))
    correct: Mapped[bool]
    form: Mapped[str] = mapped_column(String(16), default="card", server_default="card")
    answered_at: Mapped[datetime]


@event.listens_for(Base.metadata, "before_create")
def _partial_on_postgresql(_metadata: MetaData, connection: Connection, **_options: object) -> None:
    """Make PostgreSQL's indexes as partial as SQLite's.

    Said only now: naming an option of PostgreSQL where an index is declared loads all of its drivers, which
    every command would wait for.
    """
    if connection.dialect.name == "postgresql":
        for index in [index for table in Base.metadata.tables.values() for index in table.indexes]:
            where = index.dialect_options["sqlite"]["where"]
            if where is not None:
                index.dialect_options["postgresql"]["where"] = where
