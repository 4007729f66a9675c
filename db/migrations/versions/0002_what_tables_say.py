"""What tables say: own spellings, kept columns, cells that give no label; classes told apart more finely.

Until 0001 spellings were one class also when only accents or punctuation differed. No label is changed here:
its own spelling was not kept. A source that is read again splits what it has as two classes.
"""

import sqlalchemy as sa
from alembic import op

from db.spelling import fold

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REASONS = ("several_values", "qualified", "formula_cell", "label_too_long", "control_character", "not_utf8")


def upgrade() -> None:
    op.add_column("attribute", sa.Column("title", sa.String(length=200), nullable=True))
    op.add_column("class", sa.Column("spelling", sa.String(length=200), nullable=True))
    op.add_column("class", sa.Column("missing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("label", sa.Column("spelling", sa.Text(), nullable=True))
    op.add_column("ingest", sa.Column("mapping", sa.JSON(), nullable=True))
    with op.batch_alter_table("class_change") as table:
        table.drop_constraint(op.f("ck_class_change_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_class_change_kind"), "kind IN ('added', 'renamed', 'merged', 'aliased', 'missing')"
        )
    op.create_table(
        "listing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("known_as", sa.Text(), nullable=True),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["artwork_id"], ["artwork.id"], name=op.f("fk_listing_artwork_id_artwork")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_listing_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing")),
        sa.UniqueConstraint("artwork_id", "source_id", name=op.f("uq_listing_artwork_id_source_id")),
    )
    op.create_index(op.f("ix_listing_known_as"), "listing", ["known_as"])
    op.create_table(
        "withheld",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("spelling", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(f"reason IN {REASONS}", name=op.f("ck_withheld_reason")),
        sa.ForeignKeyConstraint(["artwork_id"], ["artwork.id"], name=op.f("fk_withheld_artwork_id_artwork")),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_withheld_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_withheld_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withheld")),
        sa.UniqueConstraint(
            "artwork_id",
            "attribute_id",
            "source_id",
            name=op.f("uq_withheld_artwork_id_attribute_id_source_id"),
        ),
    )
    _first_spellings()
    _folds()


def _first_spellings() -> None:
    """Give each class the spelling that it was added with."""
    connection = op.get_bind()
    added = connection.execute(sa.text("SELECT class_id, alias FROM class_alias ORDER BY id DESC")).all()
    first = {class_id: alias for class_id, alias in added}
    for class_id, spelling in first.items():
        connection.execute(
            sa.text("UPDATE class SET spelling = :spelling WHERE id = :id"),
            {"spelling": spelling, "id": class_id},
        )
    connection.execute(sa.text("UPDATE class SET spelling = name WHERE spelling IS NULL"))


def _folds() -> None:
    """Compare spellings by the finer rule; keys stand for their classes as well.

    Where the new rule would make one of two classes (``3`` and ``3.0``) the later keeps its old text: a
    migration merges nothing.
    """
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT id, attribute_id, class_id, alias, folded FROM class_alias ORDER BY id")
    ).all()
    taken = {(row.attribute_id, row.folded) for row in rows}
    for row in rows:
        folded = fold(row.alias)
        if folded == row.folded or (row.attribute_id, folded) in taken:
            continue
        taken.add((row.attribute_id, folded))
        connection.execute(
            sa.text("UPDATE class_alias SET folded = :folded WHERE id = :id"),
            {"folded": folded, "id": row.id},
        )
    keys = connection.execute(
        sa.text("SELECT id, attribute_id, key, created_at FROM class ORDER BY id")
    ).all()
    for row in keys:
        if (row.attribute_id, fold(row.key)) not in taken:
            taken.add((row.attribute_id, fold(row.key)))
            connection.execute(
                sa.text(
                    "INSERT INTO class_alias (attribute_id, class_id, folded, alias, created_at) "
                    "VALUES (:attribute, :class, :folded, :alias, :created)"
                ),
                {
                    "attribute": row.attribute_id,
                    "class": row.id,
                    "folded": fold(row.key),
                    "alias": row.key,
                    "created": row.created_at,
                },
            )
