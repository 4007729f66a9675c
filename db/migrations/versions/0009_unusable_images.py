"""An image that looks unusable is an issue of a kind of its own; it was an outlier among others."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KINDS = ("label", "label_conflict", "outlier", "unusable", "duplicate", "unreadable", "property")


def upgrade() -> None:
    _allow(KINDS)


def downgrade() -> None:
    op.execute("UPDATE issue SET kind = 'outlier' WHERE kind = 'unusable'")
    _allow(tuple(kind for kind in KINDS if kind != "unusable"))


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("issue") as table:
        table.drop_constraint(op.f("ck_issue_kind"), type_="check")
        table.create_check_constraint(op.f("ck_issue_kind"), f"kind IN ({listed})")
