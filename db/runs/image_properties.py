"""Images that may be of no use whatever they show: too small, too long, or with hardly anything on them.

The limits are for works of art. Darkness, paleness, greyness and softness are no faults here: they are
Rembrandt, Whistler, every engraving and Monet. An image that is black or blank all over has no detail, and
that is what is asked. Of 500 paintings of WikiArt none comes near a limit: least detail 976, longest 3.7 to
1, smallest 217 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from db.models import Artwork

TINY = 100
"""Pixels: with a longer side below this a reviewer cannot judge a style."""

LONG = 6.0
"""Longer to shorter side: above, it is a frieze, a scroll, or a strip of a scan."""

PLAIN = 200.0
"""Detail (``Artwork.phash_detail``): below, the image is one plain ground: black, blank, a missing page."""


def property_rows(session: Session) -> Iterator[dict[str, Any]]:
    """Yield an issue for each usable artwork whose image is past a limit; its score is how far past."""
    longer = case((Artwork.width > Artwork.height, Artwork.width), else_=Artwork.height)
    shorter = func.nullif(Artwork.width + Artwork.height - longer, 0)
    past = or_(longer < TINY, longer > LONG * shorter, Artwork.phash_detail < PLAIN)
    statement = (
        select(Artwork.id, Artwork.width, Artwork.height, Artwork.phash_detail)
        .where(Artwork.status == "ok", past)
        .order_by(Artwork.id)
    )
    for artwork_id, width, height, detail in session.execute(statement):
        limits = _past(width, height, detail)
        yield {
            "artwork_id": artwork_id,
            "attribute_id": None,
            "kind": "property",
            "score": min(score for score, _ in limits.values()),
            "class_id": None,
            "suggested_id": None,
            "p_label": None,
            "p_suggested": None,
            "reason": "; ".join(reason for _, reason in limits.values()),
            "evidence": {name: round(score, 4) for name, (score, _) in limits.items()},
        }


def _past(width: int | None, height: int | None, detail: float | None) -> dict[str, tuple[float, str]]:
    """Return the limits that an image is past: how near it is to within, in [0, 1), and in words."""
    limits = {}
    if width and height:
        longer, shorter = max(width, height), min(width, height)
        if longer < TINY:
            limits["tiny"] = (longer / TINY, f"only {width}×{height} pixels")
        if longer > LONG * shorter:
            limits["long"] = (LONG * shorter / longer, f"{longer / shorter:.0f} times as long as it is wide")
    if detail is not None and detail < PLAIN:
        limits["plain"] = (detail / PLAIN, "hardly anything on it: one plain ground")
    return limits
