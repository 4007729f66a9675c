from __future__ import annotations

from pathlib import Path

import pytest

from model.inputs.cache import ENTRY, RecordStore

pytestmark = pytest.mark.slow

A, B, C = ("aa" * 32, "bb" * 32, "cc" * 32)


def test_two_writers_share_a_folder(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as first, RecordStore(tmp_path) as second:
        first.append([(A, b"one")])
        second.append([(B, b"two"), (C, b"three")])
        first.refresh()

        assert [bytes(first.get(key)) for key in (A, B, C)] == [b"one", b"two", b"three"]


def test_what_a_killed_writer_left_half_written_is_ignored(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.append([(A, b"whole"), (B, b"cut")])
    index = next(tmp_path.glob("*.index"))
    data = next(tmp_path.glob("*.data"))
    index.write_bytes(index.read_bytes()[: 2 * ENTRY.size - 5])
    data.write_bytes(data.read_bytes() + b"no entry names this")

    with RecordStore(tmp_path) as again:
        assert A in again and B not in again
        again.append([(B, b"anew")])

        assert bytes(again.get(A)) == b"whole"
        assert bytes(again.get(B)) == b"anew"


def test_an_entry_whose_record_never_reached_the_disk_is_ignored(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.append([(A, b"kept"), (B, b"lost on the way")])
    data = next(tmp_path.glob("*.data"))
    data.write_bytes(data.read_bytes()[:6])

    with RecordStore(tmp_path) as again:
        assert A in again and B not in again


def test_a_record_with_a_changed_byte_is_forgotten(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.append([(A, b"first"), (B, b"second")])
    data = next(tmp_path.glob("*.data"))
    data.write_bytes(data.read_bytes().replace(b"second", b"sEcond"))

    with RecordStore(tmp_path) as again:
        assert again.damaged([A, B, C]) == [B]
        with pytest.raises(KeyError):
            again.get(B)
