"""What to do in the App, in steps, beside the grid."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

GUIDE = """
### What to do here

1. **Look**: the view *worst labels* begins with the label most likely wrong. The blue chip is the label,
   the one with an arrow what the run would say. Open one: *Why flagged*, beside *Sample*, shows what both
   classes look like; *flagged*, at the top of the sidebar, names the attribute and says the same in words.
2. **Decide**: open an artwork and press *Judge labels* or *Relabel* above the grid; or choose a view such as
   *style: Realism looks like Symbolism*, select those that are wrong, and press *These are wrong, the others
   right*.
3. **Hand on**: *Send to Label Studio* makes review tasks of what you select.

Then, in the terminal: `curate status` says what to type next.
"""


class GuidePanel(foo.Panel):  # type: ignore[misc]
    """The steps, the same for everybody."""

    @property
    def config(self) -> Any:
        """Tell the App about the panel."""
        return foo.PanelConfig(name="guide", label="What to do here", icon="help")

    def on_load(self, ctx: Any) -> None:
        """Keep nothing: the text never changes."""

    def render(self, ctx: Any) -> Any:
        """Show the steps."""
        panel = types.Object()
        panel.md(GUIDE, name="guide")
        return types.Property(panel, view=types.GridView())
