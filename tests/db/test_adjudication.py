"""Somebody says the last word where reviewers disagree, and can take it back."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from sqlalchemy import select

from db.classes.classes import find_attribute, find_class
from db.models import Attribute, Class, EffectiveLabel, Verdict
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.workspace.workspace import open_workspace
from tests.conftest import Curate


def counts(folder: Path) -> tuple[str, str]:
    """Return the style that counts, and by whose authority."""
    with open_workspace(folder).open_catalog() as catalog, catalog.read() as session:
        row = session.execute(
            select(Class.key, EffectiveLabel.authority)
            .join(Class, Class.id == EffectiveLabel.class_id)
            .join(Attribute, Attribute.id == EffectiveLabel.attribute_id)
            .where(Attribute.name == "style")
        ).one()
        return row.key, row.authority


def test_the_last_word_outweighs_two_reviewers_until_it_is_taken_back(curate: Curate, folder: Path) -> None:
    images = folder.parent / "images"
    images.mkdir()
    Image.new("RGB", (64, 64), "red").save(images / "a.png")
    (images / "list.csv").write_text("filepath,style\na.png,Cubism\n")
    assert curate("-w", folder, "ingest", images / "list.csv").status == 0
    assert curate("-w", folder, "classes", "add", "style", "Fauvism").status == 0
    with open_workspace(folder).open_catalog() as catalog, catalog.write() as session:
        style = find_attribute(session, "style")
        for user, said in (("ada", "Cubism"), ("ben", "Fauvism")):
            chosen = Decision(style.id, "corrected", find_class(session, style, said))
            decide(session, 1, [chosen], user=user, annotation_id=user)
    before = curate("-w", folder, "reviewers", "--conflicts", "--json").stdout

    settled = curate("-w", folder, "label", "a.png", "style", "Cubism", "--final")

    assert settled.status == 0, settled.stderr
    assert counts(folder) == ("Cubism", "adjudicated")
    with open_workspace(folder).open_catalog() as catalog, catalog.write() as session:
        style = find_attribute(session, "style")
        for user in ("cleo", "dan"):
            chosen = Decision(style.id, "corrected", find_class(session, style, "Fauvism"))
            decide(session, 1, [chosen], user=user, annotation_id=user)
    assert counts(folder) == ("Cubism", "adjudicated")
    assert '"likeliest"' in before
    assert '"likeliest"' not in curate("-w", folder, "reviewers", "--conflicts", "--json").stdout

    with open_workspace(folder).open_catalog() as catalog, catalog.read() as session:
        last = session.scalars(
            select(Verdict.id).where(Verdict.annotation_id.not_in("ada ben cleo dan".split()))
        ).one()
    assert curate("-w", folder, "undo", last, "--yes").status == 0

    assert counts(folder) == ("Fauvism", "reviewer")
