"""``curate.toml`` as editors, shells and people leave it: read as it is meant, or refused with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.workspace.workspace import open_workspace
from tests.conftest import Curate
from tests.hostile.workspaces import draw, label_of, small_workspace, write_list

READ: dict[str, str | bytes] = {
    "as it was": "TEXT",
    "empty": "",
    "a byte order mark": "\ufeffTEXT",
    "line ends of Windows": "CRLF",
    "a comment of a megabyte": "# " + "x" * 1_000_000 + "\nTEXT",
    "no attributes": "NOATTRIBUTES",
    "a trailing slash": "[label_studio]\nurl = 'http://127.0.0.1:8080/'\n",
    "a path below the server": "[label_studio]\nurl = 'https://labels.example/studio'\n",
    "an IPv6 address": "[label_studio]\nurl = 'http://[::1]:8080'\n",
    "a name in any script": "collection = 'Gemälde 画'\n",
    "attributes as people write them": "attributes = ['Style', 'genre']\n",
}
REFUSED: dict[str, str | bytes] = {
    "an unknown key": "unknown = 1\nTEXT",
    "an unknown table": "TEXT\n[nope]\n",
    "no UTF-8": b"\xff\xfe",
    "UTF-16": "collection = 'x'".encode("utf-16"),
    "a control character": 'TEXT\ncollection = "x\x00"\n',
    "a key twice": "[train]\nepochs = 8\nepochs = 9\n",
    "a table twice": "[train]\n[train]\n",
    "3,000 brackets": "a = " + "[" * 3000,
    "3,000 tables": "a = " + "{b = " * 3000,
    "an open string": "collection = 'x",
    "half a line": "collec",
    "attributes of text": "attributes = 'style'\n",
    "no attribute": "attributes = []\n",
    "an attribute twice": "attributes = ['style', 'style']\n",
    "an attribute twice, in capitals": "attributes = ['style', 'Style']\n",
    "an attribute twice, with a space": "attributes = ['my style', 'my_style']\n",
    "an attribute of nothing": "attributes = [' ']\n",
    "an attribute with a control character": 'attributes = ["my\\u001bstyle"]\n',
    "an attribute of numbers": "attributes = [1]\n",
    "a long attribute": f"attributes = ['{'x' * 201}']\n",
    "epochs of text": "[train]\nepochs = 'many'\n",
    "no epochs": "[train]\nepochs = 0\n",
    "epochs of nothing": "[train]\nepochs = -1\n",
    "a rate that is no number": "[train]\nlr = nan\n",
    "a rate without end": "[train]\nlr = inf\n",
    "an unknown setting": "[train]\nnope = 1\n",
    "one fold": "[train]\nfolds = 1\n",
    "a mirror of nothing": "mirror_gb = 0\n",
    "a mirror that is no number": "mirror_gb = nan\n",
    "a mirror of text": "mirror_gb = 'large'\n",
    "a root of numbers": "[roots]\npictures = 5\n",
    "roots of text": "roots = 'x'\n",
    "an address of FTP": "[label_studio]\nurl = 'ftp://x'\n",
    "an address of nothing": "[label_studio]\nurl = ''\n",
    "half an IPv6 address": "[label_studio]\nurl = 'http://[::1'\n",
    "a port of letters": "[label_studio]\nurl = 'http://127.0.0.1:abc'\n",
    "a port too large": "[label_studio]\nurl = 'http://127.0.0.1:99999'\n",
    "a port of zero": "[label_studio]\nurl = 'http://127.0.0.1:0'\n",
    "an address without a host": "[label_studio]\nurl = 'http://:8080'\n",
    "an address with a space": "[label_studio]\nurl = 'http://a b'\n",
    "a project of text": "[label_studio]\nproject = 'mine'\n",
    "images from nowhere": "[label_studio]\nimages = 'nowhere'\n",
    "a database of another kind": "database_url = 'mysql://u:hunter22@h/d'\n",
    "a database in memory": "database_url = 'sqlite://'\n",
    "a database in memory, by name": "database_url = 'sqlite:///:memory:'\n",
    "a database that is none": "database_url = 'hunter22'\n",
    "a database of numbers": "database_url = 7\n",
    "a file that is no database": "database_url = 'sqlite:////etc/passwd'\n",
    "a database that is away": "database_url = 'postgresql://u:hunter22@127.0.0.1:1/d'\n",
    "a database with an odd password": "database_url = 'postgresql://u:hun/ter22@22@127.0.0.1:1/d'\n",
    "a database with a password behind it": "database_url = 'postgresql://127.0.0.1:1/d?password=hunter22'\n",
    "a dataset of numbers": "[fiftyone]\ndataset = 7\n",
}


def written(folder: Path, text: str | bytes) -> None:
    """Write settings; some words stand for the text as it was."""
    path = folder / "curate.toml"
    before = path.read_text(encoding="utf-8")
    if isinstance(text, str):
        text = text.replace("TEXT", before).replace("CRLF", before.replace("\n", "\r\n"))
        lines = [line for line in before.splitlines() if not line.startswith("attributes")]
        text = text.replace("NOATTRIBUTES", "\n".join(lines)).encode()
    path.write_bytes(text)


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_it_is_meant(curate: Curate, used: Path, name: str) -> None:
    written(used, READ[name])

    assert curate("-w", used, "status").status == 0


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_one_line_without_a_password(curate: Curate, used: Path, name: str) -> None:
    written(used, REFUSED[name])
    before = (used / "curate.toml").read_bytes()

    done = curate("-w", used, "status")

    assert (done.status, done.stdout) == (1, ""), done
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert "hunter22" not in done.stderr and "ter22@" not in done.stderr
    assert not [word for word in ("Extra inputs", "tuple", "<class", "validation") if word in done.stderr]
    assert "memory" not in name or "is no database that curate can keep" in done.stderr
    assert (used / "curate.toml").read_bytes() == before


NAMES = {
    "filepath": "'filepath' is the column of the images",
    "style,style_pred": "'style_pred' is what the pred of 'style' is called",
    "style_score,style": "'style_score' is what the score of 'style' is called",
    "a,a_label": "'a_label' is what the label of 'a' is called",
    "a,a_run3": "'a_run3' is what the run3 of 'a' is called",
    "Style,Style pred": "'style_pred' is what the pred of 'style' is called",
    "a,b,a_p_suggested": "'a_p_suggested' is what the p_suggested of 'a' is called",
    "Filepath": "'filepath' is the column of the images",
    "Stylé,style_ŝcore": "'style_score' is what the score of 'style' is called",
    "style,style": "an attribute is named twice",
    "My style,my_style": "an attribute is named twice",
    "stylé,style": "an attribute is named twice",
    "style,": "attributes.1: an attribute has no name",
    "": "has an empty argument",
    " ": "attributes.0: an attribute has no name",
    "my\x1bstyle": "attributes.0: 'my\\x1bstyle' cannot name an attribute",
    ",".join(f"a{i}" for i in range(30)): "attributes: at most 12 can be named, not 30.",
    "=cmd()": "attributes.0: '=cmd()' cannot name an attribute: a spreadsheet would run it as a formula",
    "style,@SUM(A1)": "attributes.1: '@SUM(A1)' cannot name an attribute: a spreadsheet would run it",
    "x" * 201: "is 201 characters long, and at most 200 are allowed",
}


@pytest.mark.parametrize("names", NAMES)
def test_attributes_that_would_overwrite_a_column_are_not_made(
    curate: Curate, tmp_path: Path, names: str
) -> None:
    done = curate("init", tmp_path / "new", "--attributes", names)

    assert done.status == 1
    assert NAMES[names] in done.stderr
    assert not (tmp_path / "new" / "curate.toml").exists()


@pytest.mark.parametrize(
    "names",
    [
        "label,id,tags,metadata",
        "artwork,review,score,fold,split",
        "task,image,comment",
        "a_b,a_c",
        "style_x,style",
        "my style",
        "Style",
        "stylé",
        "1a",
        "_x",
        "a;drop table label",
        "x" * 50,
    ],
)
def test_other_names_are_attributes(curate: Curate, tmp_path: Path, names: str) -> None:
    assert curate("init", tmp_path / "new", "--attributes", names).status == 0
    assert curate("-w", tmp_path / "new", "check").status == 0


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("my style", "my_style"),
        ("Style", "style"),
        ("stylé", "style"),
        ("1a", "a_1a"),
        ("_x", "x"),
        ("a;drop table label", "a_drop_table_label"),
        ("x" * 200, "x" * 40),
    ],
)
def test_a_name_that_is_no_key_gets_one(curate: Curate, tmp_path: Path, name: str, key: str) -> None:
    folder = tmp_path / "new"
    assert curate("init", folder, "--attributes", name).status == 0
    draw(folder / "1.png")
    listed = write_list(folder / "l.csv", [["1.png", "Cubism"]], ("filepath", name))

    assert curate("-w", folder, "ingest", listed).status == 0

    settings = open_workspace(folder).settings
    assert (settings.attributes, settings.attribute_titles) == ((key,), {key: name})
    assert label_of(curate, folder, "1.png", name) == "Cubism"
    assert curate("-w", folder, "check").status == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("filepath", "'filepath' is the column of the images"),
        ("Filepath", "'filepath' is the column of the images"),
        ("style_pred", "'style_pred' is what the pred of 'style' is called"),
        ("Style pred", "'style_pred' is what the pred of 'style' is called"),
        ("x" * 201, "is 201 characters long, and at most 200 are allowed"),
        ("@SUM(A1)", "a spreadsheet would run it as a formula"),
    ],
)
def test_a_mapped_attribute_that_would_overwrite_a_column_is_not_made(
    curate: Curate, tmp_path: Path, name: str, said: str
) -> None:
    folder = small_workspace(curate, tmp_path, 1)
    listed = write_list(folder / "n.csv", [["img/1.png", "a"]], ("filepath", "n"))
    before = (folder / "curate.toml").read_bytes()

    for more in ((), ("--dry-run",)):
        done = curate("-w", folder, "ingest", listed, "--map", f"n={name}", *more)

        assert (done.status, done.stdout) == (1, "")
        assert said in done.stderr and done.stderr.count("\n") == 1
    assert (folder / "curate.toml").read_bytes() == before
    assert curate("-w", folder, "ingest", listed, "--map", "n=Style two").status == 0


@pytest.mark.parametrize("name", ["v" * 255, "v" * 256, "d/" * 2100 + "x", "a\x00b"])
def test_a_folder_that_cannot_be_is_one_sentence(
    curate: Curate, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = curate("init", name)

    if done.status == 0:
        assert (tmp_path / name / "curate.toml").is_file()
    else:
        assert done.status in (1, 2)
        assert "Traceback" not in done.stderr and len(done.stderr) < 1000


def test_an_attribute_that_somebody_wrote_into_the_settings_is_ingested(
    curate: Curate, tmp_path: Path
) -> None:
    """The list that has it ended in a KeyError."""
    folder = small_workspace(curate, tmp_path, 2, "style")
    path = folder / "curate.toml"
    path.write_text(path.read_text().replace('["style"]', '["style", "Material"]'))
    listed = write_list(folder / "n.csv", [["img/1.png", "oil"]], ("filepath", "Material"))

    before = curate("-w", folder, "check")
    done = curate("-w", folder, "ingest", listed)

    assert "BROKEN  curate.toml names the catalog's attributes" in before.stdout
    assert done.status == 0, done.stderr
    assert label_of(curate, folder, "img/1.png", "Material") == "oil"
    assert curate("-w", folder, "check").status == 0


def test_one_whose_columns_are_anothers_is_not(curate: Curate, tmp_path: Path) -> None:
    folder = small_workspace(curate, tmp_path, 2, "style")
    path = folder / "curate.toml"
    path.write_text(path.read_text().replace('["style"]', '["style", "style_pred"]'))
    listed = write_list(folder / "n.csv", [["img/1.png", "oil"]], ("filepath", "style_pred"))

    done = curate("-w", folder, "ingest", listed)

    assert (done.status, done.stdout) == (1, "")
    assert "'style_pred' is what the pred of 'style' is called" in done.stderr
