"""Contact sheets: what stands on which sheet, and how each verdict was given."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch", sa.Column("per_sheet", sa.Integer(), nullable=True))
    for table in ("verdict", "control_answer"):
        op.add_column(table, sa.Column("form", sa.String(length=16), nullable=False, server_default="card"))
    op.create_table(
        "sheet_cell",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("sheet_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_sheet_cell_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_sheet_cell_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_sheet_cell_batch_id_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_cell")),
        sa.UniqueConstraint(
            "batch_id",
            "artwork_id",
            "attribute_id",
            name=op.f("uq_sheet_cell_batch_id_artwork_id_attribute_id"),
        ),
        sa.UniqueConstraint(
            "batch_id", "sheet_id", "position", name=op.f("uq_sheet_cell_batch_id_sheet_id_position")
        ),
    )
    op.create_index(op.f("ix_sheet_cell_artwork_id"), "sheet_cell", ["artwork_id"])
    op.create_index(op.f("ix_sheet_cell_sheet_id"), "sheet_cell", ["sheet_id"])
