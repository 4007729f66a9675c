"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attribute",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribute")),
        sa.UniqueConstraint("name", name=op.f("uq_attribute_name")),
    )
    op.create_table(
        "catalog_setting",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_catalog_setting")),
    )
    op.create_table(
        "duplicate_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('exact', 'near')", name=op.f("ck_duplicate_group_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_group")),
    )
    op.create_table(
        "ingest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest")),
    )
    op.create_table(
        "reviewer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewer")),
        sa.UniqueConstraint("server", "user_id", name=op.f("uq_reviewer_server_user_id")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("backbone", sa.String(length=100), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("label_digest", sa.String(length=64), nullable=False),
        sa.Column("labels_seen", sa.Integer(), nullable=False),
        sa.Column("arrays_digest", sa.String(length=64), nullable=True),
        sa.Column("seconds", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("completed_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'complete', 'failed')", name=op.f("ck_run_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("uuid", name=op.f("uq_run_uuid")),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "authority IN ('import', 'reviewer', 'adjudicated')", name=op.f("ck_source_authority")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "artwork",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.String(length=100), nullable=False),
        sa.Column("root", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("phash", sa.String(length=64), nullable=True),
        sa.Column("phash_detail", sa.Double(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("image_format", sa.String(length=16), nullable=True),
        sa.Column("duplicate_group_id", sa.Integer(), nullable=True),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('ok', 'unverified', 'refused', 'missing', 'unusable')", name=op.f("ck_artwork_status")
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_group_id"],
            ["duplicate_group.id"],
            name=op.f("fk_artwork_duplicate_group_id_duplicate_group"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artwork")),
        sa.UniqueConstraint("path", "root", "collection", name=op.f("uq_artwork_path_root_collection")),
        sa.UniqueConstraint("uuid", name=op.f("uq_artwork_uuid")),
    )
    with op.batch_alter_table("artwork", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_artwork_duplicate_group_id"), ["duplicate_group_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_artwork_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_artwork_status"), ["status"], unique=False)

    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("budget", sa.Integer(), nullable=False),
        sa.Column("annotators", sa.Integer(), nullable=False),
        sa.Column("expected_yield", sa.Double(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_batch_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("uuid", name=op.f("uq_batch_uuid")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_run_id"), ["run_id"], unique=False)

    op.create_table(
        "class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_class_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["merged_into_id"], ["class.id"], name=op.f("fk_class_merged_into_id_class")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class")),
        sa.UniqueConstraint("attribute_id", "key", name=op.f("uq_class_attribute_id_key")),
    )
    op.create_table(
        "refusal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ingest_id", sa.Integer(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ingest_id"], ["ingest.id"], name=op.f("fk_refusal_ingest_id_ingest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal")),
    )
    with op.batch_alter_table("refusal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refusal_ingest_id"), ["ingest_id"], unique=False)

    op.create_table(
        "run_attribute",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_run_attribute_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_attribute_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "attribute_id", name=op.f("pk_run_attribute")),
    )
    op.create_table(
        "batch_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("inclusion_probability", sa.Double(), nullable=True),
        sa.Column("known", sa.JSON(), nullable=False),
        sa.CheckConstraint("purpose IN ('review', 'audit', 'control')", name=op.f("ck_batch_item_purpose")),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_batch_item_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_batch_item_batch_id_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_item")),
        sa.UniqueConstraint("batch_id", "artwork_id", name=op.f("uq_batch_item_batch_id_artwork_id")),
    )
    with op.batch_alter_table("batch_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_item_artwork_id"), ["artwork_id"], unique=False)

    op.create_table(
        "class_alias",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("folded", sa.String(length=200), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_class_alias_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_class_alias_class_id_class")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_alias")),
        sa.UniqueConstraint("attribute_id", "folded", name=op.f("uq_class_alias_attribute_id_folded")),
    )
    with op.batch_alter_table("class_alias", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_class_alias_class_id"), ["class_id"], unique=False)

    op.create_table(
        "class_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('added', 'renamed', 'merged', 'aliased')", name=op.f("ck_class_change_kind")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_class_change_class_id_class")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_change")),
    )
    with op.batch_alter_table("class_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_class_change_class_id"), ["class_id"], unique=False)

    op.create_table(
        "control_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("annotation_id", sa.String(length=64), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("known_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("correct", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_control_answer_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_control_answer_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_control_answer_class_id_class")),
        sa.ForeignKeyConstraint(["known_id"], ["class.id"], name=op.f("fk_control_answer_known_id_class")),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_control_answer_reviewer_id_reviewer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_answer")),
        sa.UniqueConstraint(
            "server",
            "annotation_id",
            "attribute_id",
            name=op.f("uq_control_answer_server_annotation_id_attribute_id"),
        ),
    )
    with op.batch_alter_table("control_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_control_answer_artwork_id"), ["artwork_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_control_answer_reviewer_id"), ["reviewer_id"], unique=False)

    op.create_table(
        "issue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("suggested_id", sa.Integer(), nullable=True),
        sa.Column("p_label", sa.Double(), nullable=True),
        sa.Column("p_suggested", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('label', 'label_conflict', 'outlier', 'duplicate', 'unreadable', 'property')",
            name=op.f("ck_issue_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'pushed', 'resolved', 'dismissed', 'stale')", name=op.f("ck_issue_state")
        ),
        sa.ForeignKeyConstraint(["artwork_id"], ["artwork.id"], name=op.f("fk_issue_artwork_id_artwork")),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_issue_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_issue_class_id_class")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_issue_run_id_run")),
        sa.ForeignKeyConstraint(["suggested_id"], ["class.id"], name=op.f("fk_issue_suggested_id_class")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sa.UniqueConstraint(
            "run_id",
            "artwork_id",
            "attribute_id",
            "kind",
            name=op.f("uq_issue_run_id_artwork_id_attribute_id_kind"),
        ),
    )
    with op.batch_alter_table("issue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issue_artwork_id"), ["artwork_id"], unique=False)
        batch_op.create_index("ix_issue_kind_score", ["kind", "score", "state"], unique=False)
        batch_op.create_index(
            "ix_issue_run_id_kind_score",
            ["run_id", "kind", "score", "state", "artwork_id", "attribute_id"],
            unique=False,
        )

    op.create_table(
        "prediction",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("fold", sa.Integer(), nullable=True),
        sa.Column("provenance", sa.String(length=16), nullable=False),
        sa.Column("predicted_id", sa.Integer(), nullable=False),
        sa.Column("p_predicted", sa.Double(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("p_label", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("suggested_id", sa.Integer(), nullable=True),
        sa.Column("p_suggested", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_prediction_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_prediction_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_prediction_class_id_class")),
        sa.ForeignKeyConstraint(
            ["predicted_id"], ["class.id"], name=op.f("fk_prediction_predicted_id_class")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_prediction_run_id_run")),
        sa.ForeignKeyConstraint(
            ["suggested_id"], ["class.id"], name=op.f("fk_prediction_suggested_id_class")
        ),
        sa.PrimaryKeyConstraint("run_id", "artwork_id", "attribute_id", name=op.f("pk_prediction")),
    )
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.create_index(
            "ix_prediction_run_id_attribute_id_score", ["run_id", "attribute_id", "score"], unique=False
        )

    op.create_table(
        "split_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=True),
        sa.Column("split", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_split_fact_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_split_fact_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_split_fact_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_split_fact")),
    )
    with op.batch_alter_table("split_fact", schema=None) as batch_op:
        batch_op.create_index("ix_split_fact_artwork_id_split", ["artwork_id", "split"], unique=False)
        batch_op.create_index("ix_split_fact_attribute_id_split", ["attribute_id", "split"], unique=False)

    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("purpose IN ('review', 'audit', 'control')", name=op.f("ck_task_purpose")),
        sa.CheckConstraint("state IN ('open', 'done', 'withdrawn')", name=op.f("ck_task_state")),
        sa.ForeignKeyConstraint(["artwork_id"], ["artwork.id"], name=op.f("fk_task_artwork_id_artwork")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_task_batch_id_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint(
            "server", "project_id", "task_id", name=op.f("uq_task_server_project_id_task_id")
        ),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_artwork_id"), ["artwork_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_task_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(
            "uq_task_open",
            ["artwork_id", "purpose"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "verdict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("annotation_id", sa.String(length=64), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("given_id", sa.Integer(), nullable=True),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('corrected', 'confirmed', 'atypical', 'labelled', 'none_of_these', 'unsure', 'unusable')",
            name=op.f("ck_verdict_decision"),
        ),
        sa.CheckConstraint("purpose IN ('review', 'audit', 'control')", name=op.f("ck_verdict_purpose")),
        sa.ForeignKeyConstraint(["artwork_id"], ["artwork.id"], name=op.f("fk_verdict_artwork_id_artwork")),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_verdict_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_verdict_batch_id_batch")),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_verdict_class_id_class")),
        sa.ForeignKeyConstraint(["given_id"], ["class.id"], name=op.f("fk_verdict_given_id_class")),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_verdict_reviewer_id_reviewer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.create_index("ix_verdict_annotation_id_server", ["annotation_id", "server"], unique=False)
        batch_op.create_index(
            "ix_verdict_artwork_id_attribute_id", ["artwork_id", "attribute_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_verdict_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_verdict_reviewer_id"), ["reviewer_id"], unique=False)
        batch_op.create_index(
            "uq_verdict_current_attribute",
            ["server", "annotation_id", "attribute_id"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL AND attribute_id IS NOT NULL"),
            postgresql_where=sa.text("superseded_at IS NULL AND attribute_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_verdict_current_image",
            ["server", "annotation_id"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL AND attribute_id IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL AND attribute_id IS NULL"),
        )

    op.create_table(
        "annotation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(length=200), nullable=False),
        sa.Column("annotation_id", sa.String(length=64), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=True),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("raw", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "state IN ('accepted', 'skipped', 'refused', 'deleted')", name=op.f("ck_annotation_state")
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_annotation_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_annotation_reviewer_id_reviewer")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_annotation_task_id_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint("server", "annotation_id", name=op.f("uq_annotation_server_annotation_id")),
    )
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_annotation_artwork_id"), ["artwork_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_annotation_task_id"), ["task_id"], unique=False)

    op.create_table(
        "label",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("verdict_id", sa.Integer(), nullable=True),
        sa.Column("retracts_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["artwork_id"], ["artwork.id"], name=op.f("fk_label_artwork_id_artwork")),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_label_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_label_class_id_class")),
        sa.ForeignKeyConstraint(["retracts_id"], ["label.id"], name=op.f("fk_label_retracts_id_label")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_label_source_id_source")),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], name=op.f("fk_label_verdict_id_verdict")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
    )
    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.create_index(
            "ix_label_artwork_id_attribute_id", ["artwork_id", "attribute_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_label_retracts_id"), ["retracts_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_label_verdict_id"), ["verdict_id"], unique=False)

    op.create_table(
        "effective_label",
        sa.Column("artwork_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "authority IN ('import', 'reviewer', 'adjudicated')", name=op.f("ck_effective_label_authority")
        ),
        sa.ForeignKeyConstraint(
            ["artwork_id"], ["artwork.id"], name=op.f("fk_effective_label_artwork_id_artwork")
        ),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_effective_label_attribute_id_attribute")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_effective_label_class_id_class")),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name=op.f("fk_effective_label_label_id_label")),
        sa.PrimaryKeyConstraint("artwork_id", "attribute_id", name=op.f("pk_effective_label")),
    )
    with op.batch_alter_table("effective_label", schema=None) as batch_op:
        batch_op.create_index(
            "ix_effective_label_attribute_id_class_id", ["attribute_id", "class_id"], unique=False
        )
        batch_op.create_index(
            "ix_effective_label_conflict",
            ["artwork_id", "attribute_id"],
            unique=False,
            sqlite_where=sa.text("conflict"),
            postgresql_where=sa.text("conflict"),
        )
