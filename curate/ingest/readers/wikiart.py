"""What is known of WikiArt's own names, so that its distributions agree with each other."""

from __future__ import annotations

STYLES = frozenset(
    {
        "abstract expressionism",
        "action painting",
        "analytical cubism",
        "art nouveau modern",
        "baroque",
        "color field painting",
        "contemporary realism",
        "cubism",
        "early renaissance",
        "expressionism",
        "fauvism",
        "high renaissance",
        "impressionism",
        "mannerism late renaissance",
        "minimalism",
        "naive art primitivism",
        "new realism",
        "northern renaissance",
        "pointillism",
        "pop art",
        "post impressionism",
        "realism",
        "rococo",
        "romanticism",
        "symbolism",
        "synthetic cubism",
        "ukiyo e",
    }
)
"""WikiArt's 27 style folders, folded."""

ALIASES = {"style": {"Art_Nouveau": "Art_Nouveau_Modern"}}
"""Spellings of one class that do not fold to the same text: ArtGAN's class file against its folder."""
