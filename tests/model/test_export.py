from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from db.workspace.progress import Silent
from model.errors import CheckpointUnreadable
from model.export import export_model
from model.inputs.data import Transform, pixels
from model.inputs.features import normalise
from model.predict import Classifier
from model.training.train import cross_validate
from tests.model.gallery import draw, folds_of, small

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on drawn images; its model and its images lie below."""
    folder = tmp_path_factory.mktemp("trained")
    examples, targets = draw(folder / "images", 60)
    cross_validate(
        examples,
        targets,
        folds_of(60, 3),
        small(epochs=8, lr=1e-2),
        cache_dir=folder / "cache",
        run_dir=folder / "run",
        progress=Silent(),
    )
    return folder


def test_the_model_handed_on_classifies_images_from_files(trained: Path) -> None:
    _, targets = draw(trained / "again", 60)
    paths = sorted((trained / "again").glob("*.png"))
    (trained / "note.txt").write_text("no image")

    predictions = list(
        Classifier.load(trained / "run" / "model", "cpu").classify([*paths, trained / "note.txt"])
    )

    styles = [prediction.ranked["style"][0][0] for prediction in predictions[:-1]]
    given = [targets[0].classes[label] for label in targets[0].labels]
    assert np.mean(np.array(styles) == np.array(given)) > 0.9
    assert predictions[-1].reason == "not an image"
    ranked = [probability for _, probability in predictions[0].ranked["style"]]
    assert ranked == sorted(ranked, reverse=True)
    assert sum(ranked) == pytest.approx(1, abs=1e-5)


def test_onnx_gives_our_probabilities(trained: Path, tmp_path: Path) -> None:
    paths = sorted((trained / "images").glob("*.png"))[:5]
    ours = Classifier.load(trained / "run" / "model", "cpu")
    squares = np.stack([pixels(path, ours.transform) for path in paths])

    files = export_model(trained / "run" / "model", tmp_path / "out", "onnx")

    session = onnxruntime.InferenceSession(str(files[0]), providers=["CPUExecutionProvider"])
    images = normalise(torch.from_numpy(squares), ours.transform).contiguous().numpy()
    outputs = session.run(["style", "genre"], {"images": images})
    for name, found in zip(("style", "genre"), outputs, strict=True):
        np.testing.assert_allclose(found, ours.probabilities(squares)[name], atol=1e-5)


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_weights_come_with_classes_transform_and_a_card(trained: Path, tmp_path: Path, kind: str) -> None:
    files = export_model(trained / "run" / "model", tmp_path / "out", kind)  # type: ignore[arg-type]

    assert [path.name for path in files] == [f"model.{kind}", "model.json", "README.md"]
    card = files[2].read_text(encoding="utf-8")
    assert card.startswith("# Artwork classifier: test_resnet + LSTM\n")
    assert "| style | 3 | " in card


def test_a_damaged_model_is_refused(trained: Path, tmp_path: Path) -> None:
    for suffix in (".json", ".safetensors"):
        (tmp_path / f"model{suffix}").write_bytes((trained / "run" / f"model{suffix}").read_bytes())
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-4])

    with pytest.raises(CheckpointUnreadable) as caught:
        Classifier.load(tmp_path / "model")

    written = damaged.stat().st_size
    assert str(caught.value) == (
        f"{damaged} is not a model that curate can read: "
        f"it has {written} bytes that differ from the {written + 4} written. "
        f"Choose another run (`curate runs`), or train again with `curate train`."
    )


def test_large_and_odd_images_become_squares(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (900, 20), (10, 20, 30)).save(tmp_path / "frieze.jpg")
    Image.fromarray(np.full((30, 40), 257 * 100, np.uint16)).save(tmp_path / "deep.png")
    Image.new("RGBA", (30, 40), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    transform = Transform(32, "crop", (0.5,) * 3, (0.5,) * 3)

    squares = {name: pixels(tmp_path / name, transform) for name in ("frieze.jpg", "deep.png", "clear.png")}

    assert {square.shape for square in squares.values()} == {(32, 32, 3)}
    assert squares["deep.png"].mean() == pytest.approx(100, abs=1)
    assert squares["clear.png"].min() == 255
