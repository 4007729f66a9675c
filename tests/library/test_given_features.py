"""Any eyes: training on features of another model, and another model's eyes for the evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import curate as library
from curate.demo.gallery import GalleryImage, draw_gallery, write_listing
from tests.conftest import Curate

pytestmark = pytest.mark.slow

QUICK = ("--folds", "2", "--epochs", "12", "--min-class-count", "4", "--ensemble", "1", "--device", "cpu")


@pytest.fixture
def drawn(tmp_path: Path) -> list[GalleryImage]:
    """Forty-eight drawn pictures, in the workspace ``ws``."""
    records = draw_gallery(tmp_path, 48, seed=4)
    write_listing(records, tmp_path / "labels.csv")
    library.init(tmp_path / "ws", progress=False).ingest(tmp_path / "labels.csv")
    return records


def vectors_of(records: list[GalleryImage], attribute: str) -> NDArray[np.float32]:
    """Features in which one attribute stands, and noise."""
    names = sorted({record.labels[attribute] for record in records})
    codes = np.array([names.index(record.labels[attribute]) for record in records])
    noise = np.random.default_rng(0).normal(size=(len(records), 24))
    noise[np.arange(len(records)), codes] += 6
    return noise.astype(np.float32)


def accuracies(folder: Path) -> dict[str, float]:
    runs = library.open(folder, progress=False).runs().iloc[-1]
    return {name: runs[f"{name}_accuracy"] for name in ("style", "genre", "artist")}


def test_pooled_vectors_are_trained_on(drawn: list[GalleryImage], tmp_path: Path, curate: Curate) -> None:
    paths = np.array([record.filepath for record in drawn])
    np.savez(tmp_path / "dino.npz", filepaths=paths, embeddings=vectors_of(drawn, "style"))

    result = curate("-w", tmp_path / "ws", "train", "--embeddings", tmp_path / "dino.npz", *QUICK)

    assert result.status == 0, result.stderr
    assert "run 1: dino, cross-validation" in result.stdout
    found = accuracies(tmp_path / "ws")
    assert found["style"] > 0.9
    assert found["genre"] < 0.6  # the features know nothing of it
    refused = curate("-w", tmp_path / "ws", "predict", tmp_path / drawn[0].filepath)
    assert refused.stderr == (
        "error: Run 1 (dino) has no network that takes images: it was made from another model's features or "
        "probabilities. Train one with `curate train`, or name another run: `curate runs` lists them.\n"
    )
    again = curate("-w", tmp_path / "ws", "train", "--embeddings", "run:1", *QUICK)
    assert again.status == 0, again.stderr
    assert accuracies(tmp_path / "ws")["style"] > 0.9


def test_grids_are_read_as_sequences_and_missing_rows_are_told(
    drawn: list[GalleryImage], tmp_path: Path, curate: Curate
) -> None:
    """The style stands in one of four cells only: the mean over them hides nothing from an LSTM."""
    cells = np.random.default_rng(1).normal(size=(48, 2, 2, 24)).astype(np.float32)
    cells[:, 1, 0] += vectors_of(drawn, "style")
    paths = np.array([record.filepath for record in drawn[:46]])
    np.savez(tmp_path / "grid.npz", filepaths=paths, embeddings=cells[:46])

    result = curate("-w", tmp_path / "ws", "train", "--embeddings", tmp_path / "grid.npz", *QUICK)

    assert result.status == 0, result.stderr
    assert accuracies(tmp_path / "ws")["style"] > 0.8
    assert result.stderr.count("no features are given for it") == 2


def test_parquet_with_lists_is_read(drawn: list[GalleryImage], tmp_path: Path) -> None:
    from curate.predictions.files import read_embeddings_file

    vectors = vectors_of(drawn, "style")
    frame = pd.DataFrame({"filepath": [record.filepath for record in drawn], "embedding": list(vectors)})
    frame.to_parquet(tmp_path / "clip.parquet")
    wide = pd.concat([frame[["filepath"]], pd.DataFrame(vectors).rename(columns="f{}".format)], axis=1)
    wide.to_csv(tmp_path / "clip.csv", index=False)

    for name in ("clip.parquet", "clip.csv"):
        np.testing.assert_allclose(read_embeddings_file(tmp_path / name).vectors, vectors, rtol=1e-5)


def test_neighbours_may_have_another_models_eyes(
    drawn: list[GalleryImage], tmp_path: Path, curate: Curate
) -> None:
    random = ("--weights", "none", "--image-size", "32", "--projection", "0")
    evidence = ("--evidence-backbone", "resnet18", "--evidence-weights", "none")

    result = curate(
        "-w", tmp_path / "ws", "train", "--backbone", "efficientnet_lite0", *random, *evidence, *QUICK
    )

    assert result.status == 0, result.stderr
    embedding = np.load(next((tmp_path / "ws" / "runs").glob("*/embedding.npy")))
    assert embedding.shape == (48, 512)  # ResNet18's channels; Lite0 has 1,280


def test_wrong_features_give_one_sentence(drawn: list[GalleryImage], tmp_path: Path, curate: Curate) -> None:
    np.savez(tmp_path / "a.npz", filepaths=np.array(["x.jpg"]), embeddings=np.ones((1, 4)))
    np.savez(tmp_path / "b.npz", filepaths=np.array(["x.jpg", "y.jpg"]), embeddings=np.ones((1, 4)))
    np.savez(tmp_path / "c.npz", filepaths=np.array(["x.jpg"]), vectors=np.ones((1, 4)))
    sentences = {
        "a.npz": "None of the 1 artworks in",
        "b.npz": "has features of shape (1, 4) for 2 artworks. (N, D), (N, T, D) or (N, h, w, D) "
        "was expected.",
        "c.npz": "has the arrays 'filepaths', 'vectors'. It needs one called embeddings.",
        "d.npz": "There is no file at",
        "run:7": "`curate train --embeddings` needs a finished run, and this catalog has none.",
        "run:x": "run:x names no run. Give run:N with its number; `curate runs` lists them.",
    }
    for name, sentence in sentences.items():
        file = name if name.startswith("run:") else tmp_path / name
        result = curate("-w", tmp_path / "ws", "train", "--embeddings", file, *QUICK)
        assert result.status == 1
        assert sentence in result.stderr

    result = curate("-w", tmp_path / "ws", "train", "--embeddings", "x.npz", "--mode", "finetune")
    assert "embeddings are features already; fine-tuning needs images" in result.stderr
