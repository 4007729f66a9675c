"""What a file of probabilities or embeddings may lack.

::

    CurateError
    ├── NotPredictions          a file that holds no probabilities, or none that say whose they are
    ├── ArtworksUnmatched       none of a file's artworks is in the catalog
    ├── ArtworkListedTwice      a file, or two of them, predict one artwork twice
    ├── ClassTwice              two columns are one class
    ├── ClassesUnmatched        columns whose names are not classes of the attribute
    ├── InSample                every probability is of a model that was trained on the artwork
    ├── AttributeUnclear        columns that say neither which attribute they are of, nor fit one alone
    └── NotSaidOutOfSample      nobody says whether the model had seen the artworks
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from db.errors import CurateError


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first few of many names."""
    return ", ".join(repr(name) for name in names[:most]) + (" …" if len(names) > most else "")


class NotPredictions(CurateError):
    """A file that cannot be read as what it was named as."""

    def __init__(self, path: Path, problem: str, needed: str) -> None:
        super().__init__(f"{path} {problem}. {needed}")


class ArtworksUnmatched(CurateError):
    """A file names artworks, and the catalog has none of them."""

    def __init__(self, path: Path, named: Sequence[str], paths: Sequence[str]) -> None:
        have = f"the catalog's paths look like {paths[0]!r}" if paths else "the catalog has no artwork"
        super().__init__(
            f"None of the {len(named)} artworks in {path} is in the catalog: it names {some(named, 2)}, and "
            f"{have}. Give the paths as `curate export` writes them, the artworks' ids, or those of their "
            f"list."
        )


class ArtworkListedTwice(CurateError):
    """One artwork has two rows."""

    def __init__(self, path: Path, artwork: str, count: int) -> None:
        super().__init__(
            f"{path} names {artwork} twice ({count} such artworks). Which row is right? Keep one of each."
        )


class ClassesUnmatched(CurateError):
    """Columns of probabilities have names that the attribute's classes do not have."""

    def __init__(self, attribute: str, unknown: Sequence[str], classes: Sequence[str]) -> None:
        super().__init__(
            f"{attribute} has no class {some(unknown)}; its classes are {some(classes)}. Rename the "
            f"columns, or "
            f"add the class: `curate classes add {attribute} {_quoted(unknown[0])}`."
        )


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


class ClassTwice(CurateError):
    """Two columns are one class."""

    def __init__(self, attribute: str, first: str, second: str) -> None:
        super().__init__(
            f"The columns {first!r} and {second!r} are one class of {attribute}. Sum them to one column."
        )


class AttributeUnclear(CurateError):
    """Columns that may be classes of several attributes, or of none."""

    def __init__(self, path: Path, columns: Sequence[str], attributes: Sequence[str], fit: int) -> None:
        problem = "fit several attributes" if fit else "fit no attribute as a whole"
        super().__init__(
            f"The columns {some(columns, 3)} of {path} {problem} of {', '.join(attributes)}. "
            f"Say which one they are of: --attribute NAME."
        )


class NotSaidOutOfSample(CurateError):
    """Whether the model had seen the artworks decides what its probabilities are worth."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} does not say whether its model had been trained on these artworks, and a model "
            f"makes the "
            f"wrong labels that it learnt look right. Say --out-of-sample fold (cross-validated), holdout "
            f"(trained on others) or unknown (then the run is marked so)."
        )


class InSample(CurateError):
    """Every probability is of a model that was trained on the artwork."""

    def __init__(self, path: Path, count: int) -> None:
        super().__init__(
            f"All {count} probabilities in {path} are in-sample by its provenance column: the model was "
            f"trained on these labels and makes their errors look right. Predict each artwork by a "
            f"model that "
            f"has not seen it (sklearn.model_selection.cross_val_predict), or say --out-of-sample unknown."
        )
