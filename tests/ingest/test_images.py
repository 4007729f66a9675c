"""One image file: what it is, or why it cannot be used."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.ingest.images.decoding import check_file
from db.images import files
from db.images.state import ImageState
from tests.ingest.conftest import draw, drawing


def check(path: Path) -> ImageState:
    info = path.stat()
    return check_file(str(path), info.st_size, info.st_mtime_ns)


def bomb(path: Path, width: int, height: int) -> Path:
    """Write a PNG whose header claims a size that nobody should decode."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif"])
def test_every_common_format_is_read(tmp_path: Path, suffix: str) -> None:
    state = check(draw(tmp_path / f"a.{suffix}", 1))

    assert (state.status, state.width, state.height, state.notes) == ("ok", 64, 48, ())


def test_size_and_hash_are_those_of_the_image_as_it_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    drawing(1).rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    upright = check(draw(tmp_path / "upright.png", 1))

    turned = check(tmp_path / "turned.png")

    assert (turned.width, turned.height) == (64, 48)
    assert turned.notes == ("turned_by_exif",)
    assert turned.phash == upright.phash


def test_a_wrong_suffix_is_noted_and_the_type_is_sniffed(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", 1).rename(tmp_path / "a.jpg")

    state = check(tmp_path / "a.jpg")

    assert (state.status, state.image_format, state.notes) == ("ok", "PNG", ("wrong_suffix",))


def test_an_animation_counts_as_its_first_frame(tmp_path: Path) -> None:
    drawing(1).save(tmp_path / "a.gif", save_all=True, append_images=[drawing(2)])

    assert check(tmp_path / "a.gif").notes == ("animated",)


def test_cmyk_and_16_bits_are_usable_and_look_like_their_8_bit_twins(tmp_path: Path) -> None:
    grey = drawing(1).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    deep.save(tmp_path / "deep.png")
    grey.save(tmp_path / "grey.png")
    drawing(1).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)

    assert check(tmp_path / "deep.png").notes == ("deep_colour",)
    assert check(tmp_path / "cmyk.jpg").notes == ("cmyk",)
    assert differing_bits(check(tmp_path / "deep.png"), check(tmp_path / "grey.png")) <= 8


def differing_bits(one: ImageState, other: ImageState) -> int:
    assert one.phash is not None and other.phash is not None
    return (int(one.phash, 16) ^ int(other.phash, 16)).bit_count()


def test_a_smaller_copy_looks_the_same_and_another_image_does_not(tmp_path: Path) -> None:
    large = check(draw(tmp_path / "large.jpg", 1, (640, 480)))
    drawing(1, (640, 480)).resize((200, 150)).save(tmp_path / "small.jpg", quality=60)

    assert differing_bits(large, check(tmp_path / "small.jpg")) <= 40
    assert differing_bits(large, check(draw(tmp_path / "other.jpg", 2))) > 60


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"<html>not found</html>", "not_an_image"),
        (b"%PDF-1.7 and so on", "unsupported_format"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "unsupported_format"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "lfs_pointer"),
        (b"\xff\xd8\xff\xe0", "truncated"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "corrupt"),
        (b"GIF89a" + bytes(100), "corrupt"),
        (b"II*\x00" + bytes(100), "corrupt"),
        (b"RIFF\x00\x00\x00\x00WEBP" + bytes(100), "corrupt"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)

    state = check(tmp_path / "a.jpg")

    assert (state.status, state.reason) == ("refused", reason)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, suffix: str) -> None:
    path = draw(tmp_path / f"a.{suffix}", 1, (300, 300))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    state = check(path)

    assert state.status == "refused"
    assert state.reason in ("truncated", "corrupt")


def test_a_bomb_is_refused_by_its_header_and_pillows_own_limit_is_left_alone(tmp_path: Path) -> None:
    limit = Image.MAX_IMAGE_PIXELS

    state = check(bomb(tmp_path / "bomb.png", 100_000, 100_000))

    assert (state.status, state.reason) == ("refused", "too_many_pixels")
    assert limit == Image.MAX_IMAGE_PIXELS


def test_an_image_above_pillows_limit_and_below_ours_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "a.png", 1, (400, 300))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    assert check(tmp_path / "a.png").status == "ok"


def test_a_file_too_large_to_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 100)

    assert check(draw(tmp_path / "a.png", 1)).reason == "too_large"


def test_an_empty_sheet_has_no_detail_to_hash_and_a_drawing_has(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), (240, 235, 220)).save(tmp_path / "sheet.jpg")

    assert (check(tmp_path / "sheet.jpg").phash_detail or 0.0) < 200
    assert (check(draw(tmp_path / "a.jpg", 1)).phash_detail or 0.0) > 500
