"""Records on disk, each known by the SHA-256 of the image that it came from.

A folder holds segments: a data file, to which records are appended, and an index file, to which an entry is
appended only after its record is on the disk. Each writer has its own segment, so two writers never
touch one file; readers see the union. A writer killed at any moment leaves at most data that no entry
names, or half an entry, which is ignored. Reading maps the data files into memory, so that the kernel keeps
and drops their pages as it likes.
"""

from __future__ import annotations

import mmap
import os
import struct
import uuid
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

ENTRY = struct.Struct("<32sQQII")  # key, offset, length, CRC-32 of the record, CRC-32 of this entry before it


class RecordStore:
    """Byte records by key, in one folder; open it, append, and read what any process appended before.

    Use it as a context manager, so that its files are closed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[str, tuple[str, int, int, int]] = {}  # sha: segment, offset, length, CRC-32
        self._maps: dict[str, mmap.mmap] = {}
        self._read_bytes: dict[str, int] = {}  # index bytes read so far, a segment
        self._writer: _SegmentWriter | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.refresh()

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def refresh(self) -> None:
        """Read the entries that other writers have added."""
        for index in sorted(self.folder.glob("*.index")):
            seen = self._read_bytes.get(index.stem, 0)
            with index.open("rb") as file:
                file.seek(seen)
                content = file.read()
            self._read_bytes[index.stem] = seen + self._take(index.stem, content)

    def _take(self, segment: str, content: bytes) -> int:
        """Take whole, undamaged entries; return the bytes that they span."""
        data = self.folder / f"{segment}.data"
        size = data.stat().st_size if data.exists() else 0
        position = 0
        while position + ENTRY.size <= len(content):
            key, offset, length, crc, own = ENTRY.unpack_from(content, position)
            intact = zlib.crc32(content[position : position + ENTRY.size - 4]) == own
            if not intact or offset + length > size:
                break
            self._entries.setdefault(key.hex(), (segment, offset, length, crc))
            position += ENTRY.size
        return position

    def append(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Add records, data first; they are on the disk when this returns."""
        if self._writer is None:
            self._writer = _SegmentWriter(self.folder)
        for sha256, entry in self._writer.write(records):
            self._entries.setdefault(sha256, entry)
        self._read_bytes[self._writer.name] = self._writer.index_bytes

    def get(self, sha256: str) -> memoryview:
        """Return one record without copying it.

        Raises:
            KeyError: There is none of that key.
        """
        segment, offset, length, _ = self._entries[sha256]
        return memoryview(self._map(segment, offset + length))[offset : offset + length]

    def damaged(self, keys: Sequence[str]) -> list[str]:
        """Return those of the stored keys whose record is not what was written; they are then forgotten."""
        bad = [key for key in keys if key in self and zlib.crc32(self.get(key)) != self._entries[key][3]]
        for key in bad:
            del self._entries[key]
        return bad

    def _map(self, segment: str, needed: int) -> mmap.mmap:
        mapped = self._maps.get(segment)
        if mapped is None or len(mapped) < needed:
            with (self.folder / f"{segment}.data").open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[segment] = mapped  # an older, shorter map lives as long as a view of it does
        return mapped

    def close(self) -> None:
        """Close the writer's files; maps go when the last view of them goes."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._maps.clear()


class _SegmentWriter:
    """The two files of one writer."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self.index_bytes = 0
        self._data: BinaryIO = (folder / f"{self.name}.data").open("xb")
        self._index: BinaryIO = (folder / f"{self.name}.index").open("xb")
        self._end = 0

    def write(self, records: Iterable[tuple[str, bytes]]) -> list[tuple[str, tuple[str, int, int, int]]]:
        """Append records and their entries; return what the store should remember."""
        entries = []
        packed = bytearray()
        for sha256, record in records:
            crc = zlib.crc32(record)
            head = ENTRY.pack(bytes.fromhex(sha256), self._end, len(record), crc, 0)[:-4]
            packed += head + struct.pack("<I", zlib.crc32(head))
            entries.append((sha256, (self.name, self._end, len(record), crc)))
            self._data.write(record)
            self._end += len(record)
        self._data.flush()
        os.fsync(self._data.fileno())
        self._index.write(packed)
        self._index.flush()
        self.index_bytes += len(packed)
        return entries

    def close(self) -> None:
        self._data.close()
        self._index.close()
