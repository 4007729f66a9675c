"""Images on a real S3 server and a real HTTP server, through a mirror of bounded size."""

from __future__ import annotations

import json
import os
import shutil
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from db.errors import BadSettings, StorageUnknown, StorageUnreachable
from db.models import Artwork
from db.workspace.remote.mirror import BLANK, MARKER, WHOLE, Mirror, fetched, make_mirror, mirror_folder
from db.workspace.remote.storage import open_storage
from db.workspace.settings import validate_settings
from db.workspace.workspace import change_settings, init_workspace, open_workspace
from model.inputs.data import Unreadable, read_image
from tests.conftest import Curate
from tests.model.gallery import draw

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret", "AWS_REGION": "us-east-1"}


class Bucket:
    """A bucket on the server."""

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        client.create_bucket(Bucket=name)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket; the environment says where it is, and with which keys."""
    import boto3  # type: ignore[import-untyped]

    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
        name = f"b{abs(hash(request.node.nodeid)):x}"
        return Bucket(client, name)


def picture(tmp_path: Path, colour: tuple[int, int, int] = (200, 10, 10), width: int = 40) -> bytes:
    path = tmp_path / "drawn.png"
    Image.new("RGB", (width, 30), colour).save(path)
    return path.read_bytes()


def mirror_of(tmp_path: Path, url: str, largest: int = 10**9) -> Mirror:
    return make_mirror(mirror_folder(tmp_path / "cache", "photos", url), url, largest)


def test_a_bucket_is_listed_and_its_images_come_when_they_are_opened(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("art/a.png", picture(tmp_path))
    bucket.put("art/deep/Dürer.png", picture(tmp_path, (1, 2, 3)))
    bucket.put("other/b.png", b"not of this root")
    mirror = mirror_of(tmp_path, f"s3://{bucket.name}/art")

    files = list(mirror.storage.listing())

    assert [(file.path, file.bytes) for file in files] == [
        ("a.png", len(picture(tmp_path))),
        ("deep/Dürer.png", len(picture(tmp_path, (1, 2, 3)))),
    ]
    assert not (mirror.folder / "a.png").exists()
    assert read_image(mirror.folder / "deep" / "Dürer.png").getpixel((0, 0)) == (1, 2, 3)
    assert (mirror.folder / "deep" / "Dürer.png").exists()


def test_a_file_written_again_has_another_version_and_is_renewed(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.png", b"first")
    mirror = mirror_of(tmp_path, f"s3://{bucket.name}")
    before = list(mirror.storage.listing())
    assert mirror.fetch("a.png").read_bytes() == b"first"

    bucket.put("a.png", b"second")

    assert list(mirror.storage.listing()) != before
    assert mirror.fetch("a.png").read_bytes() == b"first"
    assert mirror.fetch("a.png", renew=True).read_bytes() == b"second"


def test_the_mirror_stays_within_its_bound_and_keeps_what_was_used_last(
    bucket: Bucket, tmp_path: Path
) -> None:
    for number in range(8):
        bucket.put(f"{number}.bin", bytes(1000))
    mirror = mirror_of(tmp_path, f"s3://{bucket.name}", largest=5000)

    for number in range(5):
        mirror.fetch(f"{number}.bin")
        os.utime(mirror.folder / f"{number}.bin", (number, number))
    mirror.fetch("0.bin")
    for number in (5, 6, 7):
        mirror.fetch(f"{number}.bin")

    kept = [path.name for _, _, path in mirror.held()]
    assert sum(size for _, size, _ in mirror.held()) <= 5000
    assert {"0.bin", "7.bin"} <= set(kept)
    assert "1.bin" not in kept


def test_a_workspace_reads_a_root_by_url_like_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("art/a.png", picture(tmp_path))
    workspace = init_workspace(tmp_path / "ws", ("style",))

    workspace = change_settings(workspace, "roots", "photos", f"s3://{bucket.name}/art")

    path = workspace.image_path("photos", "a.png")
    assert path.is_relative_to(tmp_path / "ws" / "cache")
    assert read_image(path).size == (40, 30)
    assert open_workspace(tmp_path / "ws").settings.root_urls == {"photos": f"s3://{bucket.name}/art"}


def test_a_path_never_leaves_the_mirror(bucket: Bucket, tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path, f"s3://{bucket.name}")

    for path in ("../x", "a/../../x", "/etc/passwd"):
        with pytest.raises(FileNotFoundError):
            mirror.fetch(path)
    with pytest.raises(FileNotFoundError):
        fetched(mirror.folder / "gone.png")
    with pytest.raises(Unreadable):
        read_image(mirror.folder / "gone.png")


def test_a_storage_that_does_not_answer_is_named_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    url = "s3://key:testing-secret@bucket/art?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"

    with pytest.raises(StorageUnreachable) as caught:
        mirror_of(tmp_path, url).fetch("a.png")

    said = str(caught.value)
    assert said.startswith("The images at s3://key:***@bucket/art?endpoint_override=127.0.0.1:9")
    assert "testing-secret" not in said
    assert said.endswith("AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL), then run the command again.")


def test_a_url_that_nothing_opens_is_refused_with_what_to_type() -> None:
    with pytest.raises(StorageUnknown) as caught:
        open_storage("floppy://a/b")

    assert str(caught.value) == (
        "floppy://a/b cannot be opened (Protocol not known: floppy). Give a URL that begins with s3://, "
        "gs:// or https://, or install what fsspec needs for it."
    )


def test_mirrors_are_named_by_the_url_and_never_by_hand(tmp_path: Path) -> None:
    settings = validate_settings(tmp_path / "curate.toml", {"roots": {"a": "s3://x/y", "b": str(tmp_path)}})

    assert settings.roots == {"a": mirror_folder(tmp_path / "cache", "a", "s3://x/y"), "b": tmp_path}
    with pytest.raises(BadSettings):
        validate_settings(tmp_path / "curate.toml", {"root_urls": {"a": "s3://x/y"}})


def test_images_over_http(tmp_path: Path) -> None:
    (tmp_path / "web" / "sub folder").mkdir(parents=True)
    (tmp_path / "web" / "sub folder" / "Dürer #1.png").write_bytes(picture(tmp_path))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirror = mirror_of(tmp_path, f"http://127.0.0.1:{server.server_port}")

    image = read_image(mirror.folder / "sub folder" / "Dürer #1.png")
    with pytest.raises(FileNotFoundError):
        mirror.fetch("none.png")
    server.shutdown()
    server.server_close()

    assert image.size == (40, 30)
    with pytest.raises(StorageUnreachable):
        mirror.fetch("another.png")


def test_what_a_bucket_holds_is_ingested_and_followed(
    bucket: Bucket, tmp_path: Path, folder: Path, curate: Curate
) -> None:
    for number in range(6):
        bucket.put(f"art/{number}.png", picture(tmp_path, (40 * number, 9, 9)))
    bucket.put("art/labels.csv", b"filepath,style\n" + b"".join(b"%d.png,Cubism\n" % n for n in range(7)))
    at, url = ("-w", folder), f"s3://{bucket.name}/art"

    first = curate(*at, "ingest", url, "--json").json()
    again = curate(*at, "ingest", f"{url}/labels.csv", "--json").json()
    # Another size: S3 tells times in seconds, and this test may write twice within one.
    bucket.put("art/0.png", picture(tmp_path, (7, 7, 7), width=900))
    changed = curate(*at, "ingest", url, "--json").json()

    assert (first["read"], first["added"], first["refused"]) == (7, 6, {"missing": 1})
    assert (again["unchanged"], again["added"]) == (6, 0)
    assert (changed["updated"], changed["unchanged"]) == (1, 5)
    assert list(open_workspace(folder).settings.root_urls.values()) == [url]
    assert curate(*at, "check", "--images").status == 0
    assert "testing-secret" not in (folder / "curate.toml").read_text()


def test_a_run_on_a_bucket_is_the_run_on_a_folder(
    bucket: Bucket, tmp_path: Path, folder: Path, curate: Curate
) -> None:
    scans = tmp_path / "scans"
    examples, targets = draw(scans, 24)
    rows = [
        f"{e.path.name},{targets[0].classes[n]}" for e, n in zip(examples, targets[0].labels, strict=True)
    ]
    (scans / "labels.csv").write_text("\n".join(["filepath,style", *rows]))
    for path in scans.iterdir():
        bucket.put(f"art/{path.name}", path.read_bytes())
    elsewhere = tmp_path / "elsewhere"
    init_workspace(elsewhere, ("style",))
    found = {}
    for workspace, root in ((folder, f"s3://{bucket.name}/art"), (elsewhere, str(scans))):
        curate("-w", workspace, "ingest", f"{root}/labels.csv")
        small = ["--backbone", "efficientnet_lite0", "--image-size", "32", "--epochs", "2", "--folds", "2"]
        trained = curate("-w", workspace, "train", *small, "--min-class-count", "2")
        assert trained.status == 0, trained.stderr
        listed = curate("-w", workspace, "issues", "--all", "--limit", "24", "--json").stdout.splitlines()
        found[root] = [(row["path"], row["p_label"]) for row in map(json.loads, listed)]

    there, here = found.values()
    assert len(there) == 24
    assert there == here


def test_images_that_move_from_a_folder_to_a_bucket_are_found_again(
    bucket: Bucket, tmp_path: Path, folder: Path, curate: Curate
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(3):
        (scans / f"{number}.png").write_bytes(picture(tmp_path, (60 * number, 1, 1)))
        bucket.put(f"moved/{number}.png", (scans / f"{number}.png").read_bytes())
    (scans / "labels.csv").write_text("filepath,style\n0.png,Cubism\n1.png,Cubism\n2.png,Baroque\n")
    at, url = ("-w", folder), f"s3://{bucket.name}/moved"
    curate(*at, "ingest", scans / "labels.csv")
    shutil.rmtree(scans)

    wrong = curate(*at, "relocate", "scans", f"s3://{bucket.name}/nothing")
    moved = curate(*at, "relocate", "scans", url, "--json").json()

    assert wrong.stderr.startswith(f"error: s3://{bucket.name}/nothing holds none of 3 images of the root")
    assert moved == {"name": "scans", "place": url, "artworks": 3, "looked_for": 3, "found": 3}
    assert curate(*at, "relocate").stdout.startswith(f"scans: {url}, 3 artworks; 3 of 3")
    assert curate(*at, "check", "--images").status == 0


def test_folders_of_a_bucket_are_classes(
    bucket: Bucket, tmp_path: Path, folder: Path, curate: Curate
) -> None:
    for number in range(4):
        bucket.put(
            f"{('Cubism', 'Baroque')[number % 2]}/{number}.png", picture(tmp_path, (60 * number, 1, 1))
        )

    found = curate("-w", folder, "ingest", f"s3://{bucket.name}", "--format", "folders", "--json").json()
    stats = curate("-w", folder, "stats", "--json").json()

    assert found["added"] == 4
    assert stats["attributes"]["style"]["counts"] == {"Baroque": 2, "Cubism": 2}


def test_a_blank_is_never_taken_for_an_image(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.png", picture(tmp_path))
    mirror = mirror_of(tmp_path, f"s3://{bucket.name}")

    assert mirror.lay_out() == 1

    blank = (mirror.folder / "a.png").stat()
    assert (blank.st_size, blank.st_mode & 0o777, blank.st_blocks) == (len(picture(tmp_path)), BLANK, 0)
    fetched(mirror.folder / "a.png")
    whole = (mirror.folder / "a.png").stat()
    assert (whole.st_mtime_ns, whole.st_mode & 0o777) == (blank.st_mtime_ns, WHOLE)
    assert mirror.lay_out() == 1
    assert (mirror.folder / "a.png").stat().st_mode & 0o777 == WHOLE


def test_whether_a_file_is_here_is_not_told_by_its_mode(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for root, who may read everything, and on Windows, which has no such modes."""
    monkeypatch.setattr("db.workspace.remote.mirror.BLANK", WHOLE)
    bucket.put("deep/a.png", picture(tmp_path, (1, 2, 3)))
    mirror = mirror_of(tmp_path, f"s3://{bucket.name}", largest=1)
    mirror.lay_out()

    assert not mirror.has("deep/a.png")
    assert read_image(mirror.folder / "deep/a.png").getpixel((0, 0)) == (1, 2, 3)
    assert mirror.has("deep/a.png")
    bucket.put("b.png", picture(tmp_path, (4, 5, 6)))
    assert mirror.lay_out() == 2
    assert read_image(mirror.folder / "b.png").getpixel((0, 0)) == (4, 5, 6)

    assert [path.name for _, _, path in mirror.held()] == ["b.png"]
    assert not mirror.has("deep/a.png")
    assert read_image(mirror.folder / "deep/a.png").getpixel((0, 0)) == (1, 2, 3)


class Web:
    """A web server that lists its folders; ``broken`` is answered with 500, ``pages`` instead of the disk."""

    def __init__(self, folder: Path) -> None:
        web = self
        self.broken: set[str] = set()
        self.pages: dict[str, str] = {}

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(folder))

            def do_GET(self) -> None:
                if self.path in web.broken:
                    self.send_error(500)
                elif self.path in web.pages:
                    body = web.pages[self.path].encode()
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                else:
                    super().do_GET()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A web server with two folders of two pictures."""
    for number in range(4):
        path = tmp_path / "web" / ("Cubism", "Baroque")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(tmp_path, (60 * number, 1, 1)))
    server = Web(tmp_path / "web")
    yield server
    server.stop()


def statuses(folder: Path) -> dict[str, int]:
    with open_workspace(folder).open_catalog() as catalog, catalog.read() as session:
        return Counter(session.scalars(select(Artwork.status)))


@pytest.mark.parametrize("accident", ["server down", "root fails", "one folder fails", "root gone", "empty"])
def test_a_listing_that_fails_sets_nothing_missing(
    web: Web, tmp_path: Path, folder: Path, curate: Curate, accident: str
) -> None:
    ingest = ("-w", folder, "ingest", web.url, "--format", "folders")
    assert curate(*ingest, "--json").json()["added"] == 4
    if accident == "server down":
        web.stop()
    elif accident == "root fails":
        web.broken.add("/")
    elif accident == "one folder fails":
        web.broken.add("/Cubism/")
    elif accident == "root gone":
        shutil.rmtree(tmp_path / "web")
    else:
        web.pages["/"] = "<html></html>"

    result = curate(*ingest)

    assert result.status == 1
    if accident == "empty":
        assert result.stderr == (
            f"error: {web.url} lists no file, and the catalog has 4 from there: that looks like an accident, "
            f"and nothing was changed. Run the command again when its listing is back; if the images have "
            f"moved, type `curate relocate`.\n"
        )
    else:
        assert result.stderr.startswith(f"error: The images at {web.url} cannot be reached (")
    assert statuses(folder) == {"ok": 4}


def test_hostile_listings_name_no_file(web: Web, tmp_path: Path) -> None:
    names = ["Cubism/0.png", "../../../../etc/passwd", "%2e%2e/%2e%2e/evil.jpg", "Cubism/%00.png", MARKER]
    names += [
        f"Cubism/{'z' * 300}.png",
        "Cubism/..%2f..%2fe.jpg",
        "a/../../b.jpg",
        "%1b[31m.png",
        "./",
        "loop/",
    ]
    web.pages["/"] = "".join(f'<a href="{name}">x</a>' for name in names)
    web.pages["/loop/"] = '<a href="loop/">x</a>'
    mirror = mirror_of(tmp_path, web.url)

    assert mirror.lay_out() == 1
    assert [p.name for p in mirror.folder.rglob("*") if p.is_file() and p.name != MARKER] == ["0.png"]
