"""What a reviewer may decide about a label or an image, and what follows from it: stated here only."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Literal

ClosedState = Literal["resolved", "dismissed"]


class DecisionKind(StrEnum):
    """A kind of decision; its value is the word that the catalog stores.

    Attributes:
        gives_label: Whether a label row is added from it.
        says_wrong: Whether it says that the label asked about is wrong; None where it says neither.
        closes_as: The state that it leaves the issue in.
        asked_again_at: How many times the odds against the label must have grown before it is asked about
            again; infinite: never.
    """

    gives_label: bool
    says_wrong: bool | None
    closes_as: ClosedState
    asked_again_at: float

    def __new__(
        cls,
        word: str,
        gives_label: bool = False,
        says_wrong: bool | None = None,
        closes_as: ClosedState = "resolved",
        asked_again_at: float = math.inf,
    ) -> DecisionKind:
        """Make a member; see the attributes."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.gives_label, member.says_wrong = gives_label, says_wrong
        member.closes_as, member.asked_again_at = closes_as, asked_again_at
        return member

    CORRECTED = "corrected", True, True
    """Another class is right."""
    CONFIRMED = "confirmed", True, False, "dismissed", 10.0
    """The label is right."""
    ATYPICAL = "atypical", True, False, "dismissed", 100.0
    """The label is right, though the work is unlike its class: so evidence from its looks counts for less."""
    LABELLED = "labelled", True
    """The label was missing; this is it."""
    NONE_OF_THESE = "none_of_these", False, True
    """The label is wrong, and no class of the list is right."""
    UNSURE = "unsure", False, None, "dismissed"
    """It cannot be told from this picture."""
    UNUSABLE = "unusable"
    """About the image, not about a label: it is broken, no artwork, or too small."""

    @property
    def keeps_class(self) -> bool:
        """Whether the label is said to be right as it is, so that no class need be named."""
        return self.says_wrong is False


def decisions(which: Callable[[DecisionKind], bool] = lambda kind: True) -> tuple[str, ...]:
    """Return the words of the decisions of which something holds, for queries.

    Example:
        >>> decisions(lambda kind: kind.keeps_class)
        ('confirmed', 'atypical')
    """
    return tuple(kind.value for kind in DecisionKind if which(kind))


ALL = decisions()
GIVES_LABEL = decisions(lambda kind: kind.gives_label)
JUDGES_LABEL = decisions(lambda kind: kind.says_wrong is not None)
"""Those that say whether the label that stood was right."""
FOUND_WRONG = decisions(lambda kind: kind.says_wrong is True)

Chosen = Literal["corrected", "confirmed", "labelled"]


def of_choice(given: int | None, chosen: int) -> Chosen:
    """Return what choosing a class decides where another, the same, or none was given."""
    if given is None:
        return "labelled"
    return "confirmed" if given == chosen else "corrected"
