"""What must always hold in the catalog: one query an invariant, which finds the rows that break it.

Each query runs inside the database, on SQLite and PostgreSQL alike, and gives nothing where all is well.
"""

from __future__ import annotations

from dataclasses import dataclass

RESTORE = "put a backup back with `curate restore FILE`"
SYNC = "run `curate sync-corrections --full`"
REPAIR = "run `curate check --repair`"


@dataclass(frozen=True)
class Invariant:
    """A sentence that holds, a query for what breaks it (its first column names the row), and the repair."""

    name: str
    broken: str
    repair: str


INVARIANTS = (
    Invariant(
        "every artwork that counts as read has the digest of its image",
        "SELECT path FROM artwork WHERE status = 'ok' AND sha256 IS NULL",
        "run `curate ingest` on its source again",
    ),
    Invariant(
        "every artwork's path stays below its root",
        "SELECT path FROM artwork WHERE path LIKE '/%' OR path = '..' OR path LIKE '../%' "
        "OR path LIKE '%/../%' OR path LIKE '%/..'",
        "do not trust where this catalog comes from: such files are never opened, copied or sent",
    ),
    Invariant(
        "every duplicate group has the size that it says",
        "SELECT g.id FROM duplicate_group g LEFT JOIN (SELECT duplicate_group_id AS id, count(*) AS n "
        "FROM artwork WHERE duplicate_group_id IS NOT NULL GROUP BY duplicate_group_id) m ON m.id = g.id "
        "WHERE g.size <> coalesce(m.n, 0)",
        REPAIR,
    ),
    Invariant(
        "every label's class is one of its attribute",
        "SELECT l.id FROM label l JOIN class c ON c.id = l.class_id WHERE c.attribute_id <> l.attribute_id",
        RESTORE,
    ),
    Invariant(
        "a merged class leads to a standing one of the same attribute",
        "WITH RECURSIVE way (first, attribute_id, at, steps) AS ("
        "SELECT id, attribute_id, merged_into_id, 1 FROM class WHERE merged_into_id IS NOT NULL "
        "UNION ALL SELECT way.first, way.attribute_id, class.merged_into_id, steps + 1 FROM way "
        "JOIN class ON class.id = way.at WHERE class.merged_into_id IS NOT NULL AND steps < 100) "
        "SELECT DISTINCT first FROM way LEFT JOIN class ON class.id = way.at "
        "WHERE steps = 100 OR class.attribute_id <> way.attribute_id",
        RESTORE,
    ),
    Invariant(
        "what takes a label back names a label of the same artwork, attribute and class",
        "SELECT r.id FROM label r JOIN label l ON l.id = r.retracts_id "
        "WHERE l.artwork_id <> r.artwork_id OR l.attribute_id <> r.attribute_id "
        "OR l.class_id <> r.class_id OR l.retracts_id IS NOT NULL",
        RESTORE,
    ),
    Invariant(
        "no label is taken back twice",
        "SELECT retracts_id FROM label WHERE retracts_id IS NOT NULL "
        "GROUP BY retracts_id HAVING count(*) > 1",
        RESTORE,
    ),
    Invariant(
        "every label of a reviewer has its verdict, of the same class",
        "SELECT l.id FROM label l JOIN source s ON s.id = l.source_id "
        "LEFT JOIN verdict v ON v.id = l.verdict_id WHERE s.authority = 'reviewer' "
        "AND (v.id IS NULL OR v.attribute_id <> l.attribute_id OR v.class_id <> l.class_id)",
        RESTORE,
    ),
    Invariant(
        "every verdict that counts has its label, and no other has one",
        "SELECT v.id FROM verdict v LEFT JOIN label l ON l.verdict_id = v.id "
        "AND l.artwork_id = v.artwork_id AND l.retracts_id IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts_id = l.id) "
        "WHERE (l.id IS NOT NULL) <> (v.superseded_at IS NULL AND v.class_id IS NOT NULL "
        "AND v.decision IN ('corrected', 'confirmed', 'atypical', 'labelled'))",
        RESTORE,
    ),
    Invariant(
        "every verdict has the answer that it was read from",
        "SELECT v.id FROM verdict v LEFT JOIN annotation a "
        "ON a.server = v.server AND a.annotation_id = v.annotation_id "
        "WHERE a.id IS NULL OR (v.superseded_at IS NULL AND a.state <> 'accepted')",
        SYNC,
    ),
    Invariant(
        "every verdict of a batch has its task",
        "SELECT v.id FROM verdict v WHERE v.batch_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM task t "
        "WHERE t.batch_id = v.batch_id AND t.artwork_id = v.artwork_id)",
        SYNC,
    ),
    Invariant(
        "every task is of its batch's items",
        "SELECT t.id FROM task t WHERE NOT EXISTS (SELECT 1 FROM batch_item i "
        "WHERE i.batch_id = t.batch_id AND i.artwork_id = t.artwork_id AND i.purpose = t.purpose)",
        RESTORE,
    ),
    Invariant(
        "every batch that was sent has a task for each of its items",
        "SELECT i.id FROM batch_item i JOIN batch b ON b.id = i.batch_id WHERE b.sent AND NOT EXISTS "
        "(SELECT 1 FROM task t WHERE t.batch_id = i.batch_id AND t.artwork_id = i.artwork_id)",
        "run `curate push` again",
    ),
    Invariant(
        "at most one open task for each artwork and purpose",
        "SELECT artwork_id FROM task WHERE state = 'open' GROUP BY artwork_id, purpose HAVING count(*) > 1",
        "run `curate push` again",
    ),
    Invariant(
        "every pushed issue has a task that asks about it",
        "SELECT i.id FROM issue i WHERE i.state = 'pushed' AND NOT EXISTS (SELECT 1 FROM task t "
        "WHERE t.artwork_id = i.artwork_id AND t.state <> 'withdrawn')",
        REPAIR,
    ),
    Invariant(
        "an answer to a control is never a verdict",
        "SELECT c.id FROM control_answer c JOIN verdict v ON v.server = c.server "
        "AND v.annotation_id = c.annotation_id AND v.superseded_at IS NULL",
        RESTORE,
    ),
    Invariant(
        "every prediction belongs to a complete run that has its attribute",
        "SELECT r.id FROM run r WHERE r.state <> 'complete' "
        "AND EXISTS (SELECT 1 FROM prediction p WHERE p.run_id = r.id) "
        "UNION SELECT p.run_id FROM (SELECT DISTINCT run_id, attribute_id FROM prediction) p "
        "WHERE NOT EXISTS (SELECT 1 FROM run_attribute a "
        "WHERE a.run_id = p.run_id AND a.attribute_id = p.attribute_id)",
        RESTORE,
    ),
)
"""Those that one query decides; ``db.check`` adds the file itself, derived labels, and files of runs."""

LONE_LABELS = """
SELECT l.artwork_id FROM (
    SELECT artwork_id, attribute_id, min(id) AS id FROM label
    GROUP BY artwork_id, attribute_id HAVING count(*) = 1
) one
JOIN label l ON l.id = one.id
JOIN source s ON s.id = l.source_id
LEFT JOIN effective_label e ON e.artwork_id = l.artwork_id AND e.attribute_id = l.attribute_id
WHERE e.label_id IS NULL OR e.label_id <> l.id OR e.class_id <> l.class_id
    OR e.authority <> s.authority OR e.conflict
"""
"""Artworks whose only label of an attribute is not the one that counts."""

NO_LABELS = """
SELECT e.artwork_id FROM effective_label e WHERE NOT EXISTS (
    SELECT 1 FROM label l WHERE l.artwork_id = e.artwork_id AND l.attribute_id = e.attribute_id
)
"""
"""Artworks for which a label counts that is not there."""

SEVERAL_LABELS = """
SELECT l.artwork_id, l.attribute_id, l.id, l.class_id, l.source_id, s.authority, s.priority, l.created_at,
    l.retracts_id, e.class_id, e.label_id, e.authority, e.conflict
FROM (
    SELECT artwork_id, attribute_id FROM label GROUP BY artwork_id, attribute_id HAVING count(*) > 1
) many
JOIN label l ON l.artwork_id = many.artwork_id AND l.attribute_id = many.attribute_id
JOIN source s ON s.id = l.source_id
LEFT JOIN effective_label e ON e.artwork_id = l.artwork_id AND e.attribute_id = l.attribute_id
ORDER BY l.artwork_id, l.attribute_id, l.id
"""
"""The labels of artworks with more than one in an attribute, each with the label that counts."""
