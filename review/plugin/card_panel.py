"""The review card beside an open artwork: why its labels are flagged, and what the classes look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import fiftyone.operators as foo
from fiftyone.operators import types

from db.errors import CurateError
from review.fiftyone.actions import card_of, plainly
from review.plugin.opened import is_ours, opened

LARGE, HEIGHT = "260px", "92px"
"""How high the artwork and those beside it are drawn, so that three questions fit a laptop's screen."""

AROUND = {"grid": {"sx": {"px": 8, "pt": 2}}}
"""Room for the arrows that lead to the artworks before and after."""


class CardPanel(foo.Panel):  # type: ignore[misc]
    """Why each label of the open artwork is flagged, with artworks that surely bear either class."""

    @property
    def config(self) -> Any:
        """Tell the App about the panel, which stands beside an open artwork only."""
        return foo.PanelConfig(name="card", label="Why flagged", icon="compare", surfaces="modal")

    def on_load(self, ctx: Any) -> None:
        """Keep nothing: what is shown follows the open artwork."""

    def on_change_current_sample(self, ctx: Any) -> None:
        """Keep nothing: being told is enough to be drawn again."""

    def render(self, ctx: Any) -> Any:
        """Show the card of the open artwork."""
        panel = types.Object()
        try:
            self._show(ctx, panel)
        except CurateError as error:
            panel.md(plainly(str(error)), name="problem")
        grid = types.GridView(orientation="vertical", align_x="left", gap=1, componentsProps=AROUND)
        return types.Property(panel, view=grid)

    def _show(self, ctx: Any, panel: Any) -> None:
        if not is_ours(ctx) or not ctx.current_sample:
            panel.md("Open an artwork.", name="nothing")
            return
        (artwork,) = ctx.dataset.select(ctx.current_sample).values("artwork")
        with opened(ctx) as (workspace, catalog):
            card, files = card_of(workspace, catalog, UUID(artwork), ctx.dataset.info["curate"]["run"])
        panel.md(f"**{plainly(card.about)}**", name="about")
        self._pictures(
            panel=panel,
            name="artwork",
            said=card.name,
            ids=[card.artwork.artwork_id],
            files=files,
            height=LARGE,
        )
        for question in card.questions:
            name = question.attribute
            label = plainly(question.label_name) or "no label yet"
            if not question.asked or not question.reason:
                panel.md(f"also: {plainly(question.title.lower())} **{label}**", name=f"also_{name}")
                continue
            panel.md(
                f"**{plainly(question.title)}: {label}**  \n{plainly(question.reason)}", name=f"why_{name}"
            )
            for kind, said, shown in (
                ("label", question.label_name, question.like_label),
                ("suggested", question.suggested_name, question.like_suggested),
            ):
                if any(one.artwork_id in files for one in shown):
                    panel.md(f"surely {plainly(said)}", name=f"{kind}_{name}_said")
                    ids = [one.artwork_id for one in shown]
                    self._pictures(
                        panel=panel, name=f"{kind}_{name}", said=said, ids=ids, files=files, height=HEIGHT
                    )

    def _pictures(
        self, panel: Any, name: str, said: str, ids: Sequence[int], files: Mapping[int, Path], height: str
    ) -> None:
        """Add a row of pictures; FiftyOne's server hands out files of this catalog only."""
        row = panel.h_stack(name, gap=1, align_x="left")
        for number, path in enumerate(files[i] for i in ids if i in files):
            address = "/media?" + urlencode({"filepath": str(path)})
            row.str(f"{number}", default=address, view=types.ImageView(height=height, alt=said))
