"""Images that few programs read alike: deep channels, odd EXIF, formats of phones and archives, no files."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from curate.ingest.images.decoding import check_file
from db.images.formats import BadImage
from db.images.pixels import decode
from db.images.state import ImageState
from model.inputs.data import Unreadable, read_image
from tests.ingest.conftest import Take, draw, drawing


def check(path: Path) -> ImageState:
    info = path.stat()
    return check_file(str(path), info.st_size, info.st_mtime_ns)


def deep(bits: int, colour: bool) -> NDArray[np.uint16]:
    """Return the drawing in so many bits a channel, as a scanner writes it into 16."""
    image = drawing(1) if colour else drawing(1).convert("L")
    return (np.asarray(image).astype(np.float64) * ((1 << bits) - 1) / 255).round().astype(np.uint16)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_channels_are_scaled_by_the_range_they_use(
    tmp_path: Path, bits: int, colour: bool, suffix: str
) -> None:
    """12 bits kept in 16 came out black, in training as in thumbnails."""
    values = deep(bits, colour)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), values[..., ::-1] if colour else values)
    wanted = np.asarray(drawing(1) if colour else drawing(1).convert("L").convert("RGB"), dtype=np.int16)

    seen = np.asarray(read_image(tmp_path / f"a.{suffix}"), dtype=np.int16)

    assert np.abs(seen - wanted).max() <= 1
    state = check(tmp_path / f"a.{suffix}")
    assert (state.status, state.notes, state.needs_copy) == ("ok", ("deep_colour",), True)


def test_floats_are_scaled_and_what_is_no_number_is_black(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    values[0, 0], values[0, 1] = np.nan, np.inf
    Image.fromarray(values).save(tmp_path / "a.tif")

    seen = np.asarray(read_image(tmp_path / "a.tif"))

    assert seen[0, 0].tolist() == [0, 0, 0] and seen[0, 1].tolist() == [255, 255, 255]
    assert seen[-1, -1].tolist() == [255, 255, 255]


NO_COMPRESSION, LZW = 1, 5


@pytest.mark.parametrize("compression", [NO_COMPRESSION, LZW], ids=["plain", "lzw"])
@pytest.mark.parametrize(("white", "scale"), [(1.0, 1.0), (255.0, 255.0), (65535.0, 65535.0), (1.25, 1.25)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_float_tiff_is_scaled_by_the_range_it_uses(
    tmp_path: Path, colour: bool, kind: type, white: float, scale: float, compression: int
) -> None:
    """Float RGB and 64 bits were refused; 1.25 stands for a photograph that is lighter than its white."""
    image = np.asarray(drawing(1) if colour else drawing(1).convert("L"))
    wanted = np.round(image / image.max() * 255)
    values = (wanted / 255 * white).astype(kind)
    values = np.round(values) if white == 65535.0 else values
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    cv2.imwrite(str(tmp_path / "a.tif"), values[..., ::-1] if colour else values, options)

    seen = np.asarray(read_image(tmp_path / "a.tif"), dtype=np.int16)

    assert np.abs(seen - (wanted if colour else wanted[..., None])).max() <= 1
    state = check(tmp_path / "a.tif")
    assert (state.status, state.notes, state.needs_copy) == ("ok", ("deep_colour",), True)
    assert (state.width, state.height) == drawing(1).size


@pytest.mark.parametrize("channels", [3, 4])
def test_float_colours_that_are_turned_transparent_or_no_number(tmp_path: Path, channels: int) -> None:
    import tifffile

    values = np.full((24, 32, channels), 0.5, dtype=np.float32)
    values[0, 0, :3] = (np.nan, np.inf, 0.0)
    values[0, 0, 3:] = 1.0
    more: dict[str, Any] = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    turned = (274, "H", 1, 6, True)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=[turned], **more)

    seen = np.asarray(read_image(tmp_path / "a.tif"))

    state = check(tmp_path / "a.tif")
    assert seen.shape == (32, 24, 3) and (state.width, state.height) == (24, 32)
    assert seen[0, -1].tolist() == [0, 255, 0]
    assert np.unique(seen[1:]).tolist() == [128 if channels == 3 else 191]


WHITE: dict[Any, int] = {
    np.uint16: 65535,
    np.int16: 32767,
    np.uint32: 2**32 - 1,
    np.int32: 2**31 - 1,
    np.float16: 1,
    np.float32: 1,
    np.float64: 1,
    np.uint64: 2**64 - 2048,
}


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("stored", ["grey", "pixels", "planes", "with alpha"])
@pytest.mark.parametrize("kind", WHITE, ids=lambda kind: kind.__name__)
def test_tiff_of_any_depth_and_order_is_scaled(
    tmp_path: Path, kind: Any, stored: str, compression: str | None
) -> None:
    """Planes of 16 bits came out as noise, unsigned grey of 32 as night; the others were refused."""
    import tifffile

    wanted = np.asarray(drawing(1), np.float64) / 255
    wanted /= wanted.max()
    values = (wanted * WHITE[kind]).astype(kind)
    more: dict[str, Any] = {"photometric": "rgb"}
    if stored == "grey":
        values, wanted, more = values[..., 0], wanted[..., :1] * np.ones(3), {"photometric": "minisblack"}
    elif stored == "planes":
        values, more = np.moveaxis(values, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}
    elif stored == "with alpha":
        opaque = np.full((*values.shape[:2], 1), np.iinfo(kind).max if kind(0.5) == 0 else 1, kind)
        values, more = np.concatenate([values, opaque], axis=-1), {**more, "extrasamples": ["unassalpha"]}
    turned = (274, "H", 1, 6, True)
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression, extratags=[turned], **more)

    seen = np.asarray(read_image(tmp_path / "a.tif"), np.float64) / 255

    assert np.abs(seen - np.rot90(wanted, -1)).max() < 0.01
    state = check(tmp_path / "a.tif")
    assert (state.status, state.notes, state.needs_copy) == ("ok", ("deep_colour",), True)


def test_a_float_tiff_that_ends_early_or_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cv2.imencode(".tif", np.ones((64, 64, 3)))[1].tobytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.tif").write_bytes(whole)

    monkeypatch.setattr("db.images.deep.MAX_BYTES", 64 * 64 * 3 * 8 - 1)

    assert (check(tmp_path / "a.tif").reason, check(tmp_path / "b.tif").reason) == ("corrupt", "too_large")


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        ({"big_tiff": True}, ()),
        ({"save_all": True, "append_images": [drawing(2)]}, ("several_pages",)),
        ({"compression": "tiff_lzw"}, ()),
    ],
    ids=["bigtiff", "pages", "lzw"],
)
def test_tiff_of_every_kind_is_read_and_needs_a_copy(
    tmp_path: Path, options: dict[str, object], notes: tuple[str, ...]
) -> None:
    drawing(1).save(tmp_path / "a.tif", **options)  # type: ignore[arg-type]

    state = check(tmp_path / "a.tif")

    assert (state.status, state.image_format, state.notes) == ("ok", "TIFF", notes)
    assert state.needs_copy
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.tif")), np.asarray(drawing(1)))


def test_an_animated_avif_counts_as_its_first_frame(tmp_path: Path) -> None:
    frames = [drawing(seed, (128, 96)) for seed in (1, 2)]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:])
    assert (tmp_path / "a.avif").read_bytes()[8:12] == b"avis"

    state = check(tmp_path / "a.avif")

    assert (state.status, state.image_format, state.notes) == ("ok", "AVIF", ("animated",))


def test_heic_is_read_where_its_library_is_installed(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(drawing(1, (128, 96))).save(tmp_path / "a.heic")

    state = check(tmp_path / "a.heic")

    assert (state.status, state.image_format, state.width, state.needs_copy) == ("ok", "HEIF", 128, True)


def test_jpeg_xl_is_read_where_its_library_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    drawing(1, (128, 96)).save(tmp_path / "a.jxl")

    state = check(tmp_path / "a.jxl")

    assert (state.status, state.image_format, state.needs_copy) == ("ok", "JXL", True)


def exif(kind: int, count: int, value: bytes) -> bytes:
    """Return EXIF with one entry, the orientation, of any type; a value without room begins at 26."""
    head = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHI", 0x0112, kind, count)
    return head + value[:4].ljust(4, b"\0") + bytes(4) + value[4:]


@pytest.mark.parametrize(
    ("kind", "count", "value"),
    [
        (2, 2, b"6\0"),
        (5, 1, struct.pack("<III", 26, 6, 1)),
        (5, 1, struct.pack("<III", 26, 6, 0)),
        (3, 1, struct.pack("<H", 9)),
        (3, 1, struct.pack("<H", 700)),
        (7, 1, b"\xff"),
        (12, 1, struct.pack("<Id", 26, float("nan"))),
        (3, 60_000, struct.pack("<I", 4)),
    ],
)
def test_exif_that_makes_no_sense_refuses_no_image(
    tmp_path: Path, kind: int, count: int, value: bytes
) -> None:
    drawing(1).save(tmp_path / "a.jpg", exif=exif(kind, count, value))

    assert check(tmp_path / "a.jpg").status == "ok"
    assert read_image(tmp_path / "a.jpg").mode == "RGB"


@pytest.mark.parametrize(
    ("orientation", "kind", "copied"), [(1, "png", False), (6, "png", True), (6, "jpg", False)]
)
def test_browsers_turn_only_jpegs(tmp_path: Path, orientation: int, kind: str, copied: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    drawing(1).save(tmp_path / f"a.{kind}", exif=exif)

    assert check(tmp_path / f"a.{kind}").needs_copy is copied


def test_cmyk_needs_a_copy(tmp_path: Path) -> None:
    drawing(1).convert("CMYK").save(tmp_path / "a.jpg")

    assert check(tmp_path / "a.jpg").needs_copy


CYAN, MAGENTA, YELLOW, BLACK = (55, -37, -50), (48, 74, -3), (89, -5, 93), (16, 0, 0)
"""What inks look like on paper (CIELAB, ISO 12647-2)."""


def ink_profile() -> bytes:
    """Return an ICC profile of a press: its inks, alone and overprinted, as one table of 2 points an ink."""
    table = bytearray()
    for corner in np.ndindex(2, 2, 2, 2):
        inks = [ink for ink, there in zip((CYAN, MAGENTA, YELLOW, BLACK), corner, strict=True) if there]
        light, a, b = np.mean(inks or [(100, 0, 0)], axis=0)
        table += bytes([round(light * 2.55), round(a + 128), round(b + 128)])
    one = np.eye(3) * 65536
    straight = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + one.astype(">i4").tobytes()
    lut += straight * 4 + bytes(table) + straight * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags, at = b"", 128 + 4 + 2 * 12
    for name, data in ((b"A2B0", lut), (b"wtpt", white)):
        tags += name + struct.pack(">II", at, len(data))
        at += len(data) + -len(data) % 4
    body = struct.pack(">I", 2) + tags + lut + bytes(-len(lut) % 4) + white
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    return head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061) + bytes(48) + body


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_converted_by_the_profile_in_the_file(tmp_path: Path, suffix: str) -> None:
    """Ideal cyan is (0, 255, 255), printed cyan a middle blue; without a profile nobody knows the press."""
    inks = np.zeros((64, 64, 4), dtype=np.uint8)
    for quarter in range(4):
        inks[16 * quarter : 16 * quarter + 16, 32:, quarter] = 255
    image = Image.merge("CMYK", [Image.fromarray(inks[..., ink]) for ink in range(4)])
    image.save(tmp_path / f"a.{suffix}", icc_profile=ink_profile(), quality=100)
    image.save(tmp_path / f"plain.{suffix}", quality=100)
    (tmp_path / "odd").mkdir()
    image.save(tmp_path / "odd" / f"a.{suffix}", icc_profile=b"no profile", quality=100)

    seen, plain, odd = (
        np.asarray(read_image(tmp_path / name), dtype=np.int16)
        for name in (f"a.{suffix}", f"plain.{suffix}", f"odd/a.{suffix}")
    )

    printed = [(0, 148, 220), (216, 10, 122), (247, 224, 0), (41, 41, 41)]
    for quarter, wanted in enumerate(printed):
        assert np.abs(seen[16 * quarter + 8, 48] - wanted).max() <= 6, (quarter, seen[16 * quarter + 8, 48])
    assert seen[8, 8].min() >= 253
    assert np.abs(plain[8, 48] - (0, 255, 255)).max() <= 6
    assert np.array_equal(plain, odd)
    assert check(tmp_path / f"a.{suffix}").notes == ("cmyk",)


@pytest.mark.parametrize("what", ["fifo", "device", "link to a device", "folder"])
def test_only_regular_files_are_opened(tmp_path: Path, what: str) -> None:
    """A pipe that nobody writes to, and a device that never ends, would hang whoever reads them."""
    path = tmp_path / "a.jpg"
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to("/dev/zero")

    with pytest.raises(Unreadable, match=r"^not a file that may be opened$"):
        read_image(path)
    assert check_file(str(path), 10, 0).reason == "not_a_file"


def test_a_git_lfs_pointer_is_named_as_one(tmp_path: Path, take: Take) -> None:
    draw(tmp_path / "g/a/1.jpg", 1)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (tmp_path / "g/a/2.jpg").write_text(pointer)

    summary = take(tmp_path / "g")

    assert dict(summary.refused) == {"lfs_pointer": 1}


def test_what_decoders_cannot_convert_is_refused(tmp_path: Path) -> None:
    """More channels than colours and transparency."""
    import tifffile

    bands = np.zeros((16, 16, 5), dtype=np.float32)
    tifffile.imwrite(tmp_path / "a.tif", bands, photometric="rgb", extrasamples=["unspecified"] * 2)

    with pytest.raises(BadImage, match=r"^unsupported_format$"):
        decode((tmp_path / "a.tif").read_bytes())
