"""Which ingest brought an artwork, a label, a split, so that one can be taken back; which images need a copy.

The columns have no foreign key: SQLite would have to copy whole tables for one, and ingests are never deleted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

BROUGHT = """
UPDATE {table} SET ingest_id = (
    SELECT max(i.id) FROM ingest i WHERE i.started_at <= {table}.{when}
    AND (i.finished_at IS NULL OR i.finished_at >= {table}.{when})
) {only}
"""
"""An ingest gives all its rows one time, taken just after it began."""


def upgrade() -> None:
    op.add_column("artwork", sa.Column("needs_copy", sa.Boolean(), nullable=True))
    for table in ("artwork", "label", "split_fact"):
        op.add_column(table, sa.Column("ingest_id", sa.Integer(), nullable=True))
    op.add_column("ingest", sa.Column("undone_at", sa.DateTime(), nullable=True))
    imports = "WHERE source_id IN (SELECT id FROM source WHERE authority = 'import')"
    op.execute(BROUGHT.format(table="label", when="created_at", only=imports))
    op.execute(BROUGHT.format(table="artwork", when="added_at", only=""))


def downgrade() -> None:
    op.drop_column("ingest", "undone_at")
    for table in ("split_fact", "label", "artwork"):
        op.drop_column(table, "ingest_id")
    op.drop_column("artwork", "needs_copy")
