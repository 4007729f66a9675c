"""A prediction's provenance is one of the words that the catalog knows."""

from alembic import op

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None

WORDS = ("fold", "ensemble", "holdout", "test", "validation", "in-sample", "unknown")


def upgrade() -> None:
    listed = ", ".join(f"'{word}'" for word in WORDS)
    with op.batch_alter_table("prediction") as table:
        table.create_check_constraint("provenance", f"provenance IN ({listed})")
