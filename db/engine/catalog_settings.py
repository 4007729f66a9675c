"""What the catalog remembers under a key, for every workspace on it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import CatalogSetting


def read_setting(session: Session, key: str) -> str | None:
    """Return what the catalog remembers under a key."""
    return session.scalar(select(CatalogSetting.value).where(CatalogSetting.key == key))


def write_setting(session: Session, key: str, value: str) -> None:
    """Remember a value under a key."""
    session.merge(CatalogSetting(key=key, value=value))
