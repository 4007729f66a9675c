"""The frozen-feature cache: the backbone runs once over an image, whatever is trained afterwards.

What is kept of an image is its pooled grid, each cell projected by a PCA that was fitted without labels on
a sample of the collection and then turned at random: 4 kB at 2 × 2 cells of 512 features. The key is the
digest of the weights, the transform, the grid and the projection, then the image's own SHA-256; no path
takes part.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from db.workspace.progress import Progress
from db.workspace.system import cores
from db.workspace.train_settings import TrainSettings
from model.distributed import World
from model.inputs.cache import RecordStore
from model.inputs.data import Example, Transform, Unreadable, pixels
from model.inputs.layers import LayerStatistics, principal_axes, turn
from model.network.backbones import Backbone, feature_shape
from model.network.cnn_lstm import GridPool

SAMPLE = 2048
"""Images that the projections are fitted on; 512 do for the grids, the layers' statistics need more."""

HALF_MAX = 65504.0

CHUNK = 32
"""Images a forward pass on the CPU."""


@dataclass
class Features:
    """The cached grids of a run's examples, read from the disk a batch at a time."""

    store: RecordStore
    keys: list[str]
    shape: tuple[int, int]  # steps T, features P
    mean: Tensor  # (C,) of the projection; empty where there is none
    matrix: Tensor  # (C, P)
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    computed: int = 0
    statistics: int = 0  # S, axes of the layers' statistics, behind each grid

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Whether each example has features, shape ``(N,)``."""
        return np.array([key in self.store for key in self.keys], dtype=bool)

    def gather(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float16]:
        """Return the grids of some examples, shape ``(B, T, P)``."""
        grids = np.empty((len(rows), *self.shape), dtype=np.float16)
        for position, row in enumerate(rows):
            record = np.frombuffer(self.store.get(self.keys[row]), np.float16)
            grids[position] = record[: grids[position].size].reshape(self.shape)
        return grids

    def layers(self) -> NDArray[np.float32] | None:
        """Return the statistics of the layers, ``(N, S)``, NaN where unreadable; None if there are none."""
        if self.statistics == 0:
            return None
        statistics = np.full((len(self.keys), self.statistics), np.nan, dtype=np.float32)
        for row in np.flatnonzero(self.readable):
            statistics[row] = np.frombuffer(self.store.get(self.keys[row]), np.float16)[-self.statistics :]
        return statistics

    def embedding(self) -> NDArray[np.float32]:
        """Return the mean over the cells, L2-normalised, shape ``(N, P)``; NaN where unreadable.

        Mean-pooling and projection are both linear, so this is the PCA of the mean-pooled features.
        """
        vectors = np.full((len(self.keys), self.shape[1]), np.nan, dtype=np.float32)
        for row in np.flatnonzero(self.readable):
            mean = self.gather([row])[0].astype(np.float32).mean(axis=0)
            vectors[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return vectors


def transform_for(backbone: Backbone, settings: TrainSettings) -> Transform:
    """Return the transform that this backbone's features are taken with."""
    return Transform(settings.image_size, settings.resize, backbone.spec.mean, backbone.spec.std)


def cache_folder(cache_dir: Path, backbone: Backbone, weights: str, settings: TrainSettings) -> Path:
    """Return the folder of the features that these weights and settings give."""
    identity = {
        "backbone": backbone.spec.name,
        "weights": weights,
        "transform": transform_for(backbone, settings).key(),
        "grid": settings.grid,
        "grid_exact": settings.grid_exact,
        "projection": settings.projection,
        "whiten": settings.whiten,
        "axes": "turned",
        "layers": "mean, spread, quarters, correlations",
    }
    text = json.dumps(identity, sort_keys=True, indent=1)
    folder = cache_dir / "features" / f"{backbone.spec.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    _write_once(folder / "about.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return folder


def extract(
    examples: Sequence[Example],
    backbone: Backbone,
    weights: str,
    settings: TrainSettings,
    cache_dir: Path,
    device: torch.device,
    progress: Progress,
    world: World | None = None,
) -> Features:
    """Compute what the cache lacks, and return the features of all examples.

    Args:
        examples: The artworks; those with equal SHA-256 share one record.
        backbone: Frozen; put on ``device`` and into evaluation mode here.
        weights: Digest of its weights, from :func:`model.weights.load_weights`.
        settings: Resolved settings; image size, grid and projection are read.
        cache_dir: The workspace's cache folder.
        device: Where the backbone runs.
        progress: Told of each image.
        world: The processes that share the work; each computes a part, all see the whole.

    Returns:
        The features; ``unreadable`` lists the artworks whose image cannot be decoded, with the reason.
    """
    world = world or World()
    backbone = backbone.to(device).to(memory_format=torch.channels_last).eval()
    extractor = _Extractor(backbone, settings, device)
    folder = cache_folder(cache_dir, backbone, weights, settings)
    unique = {example.sha256: example for example in examples}
    reasons: dict[str, str] = {}
    sampled: Sampled = []
    if world.leads:
        fit, sampled = _projection(folder, unique, extractor, progress)
    world.wait()
    if not world.leads:
        fit, _ = _projection(folder, unique, extractor, progress)
    with RecordStore(folder / fit.name) as store:
        store.damaged(list(unique))
        for batch in sampled:
            reasons.update(batch.unreadable)
            fit.write(store, batch)
        for gathered in world.gather(dict(reasons)):
            reasons.update(gathered)
        store.refresh()
        missing = [
            unique[sha256] for sha256 in sorted(unique) if sha256 not in store and sha256 not in reasons
        ]
        computed = sum(len(batch.examples) for batch in sampled) + len(missing)
        own = missing[world.rank :: world.size]
        progress.start(len(own), "features")
        for batch in extractor.run(own):
            reasons.update(batch.unreadable)
            fit.write(store, batch)
            progress.advance(len(batch.examples) + len(batch.unreadable))
        for gathered in world.gather(dict(reasons)):
            reasons.update(gathered)
        store.refresh()
    unreadable = [(item.artwork_id, reasons[item.sha256]) for item in examples if item.sha256 in reasons]
    return Features(
        store=store,
        keys=[example.sha256 for example in examples],
        shape=(extractor.steps, extractor.projected or extractor.channels),
        mean=fit.mean,
        matrix=fit.matrix,
        unreadable=unreadable,
        computed=computed - len(reasons),
        statistics=fit.layer_matrix.shape[1],
    )


@dataclass(frozen=True)
class _Batch:
    """What a few images gave, and why others could not be read, by digest."""

    examples: list[Example]
    grids: NDArray[np.floating]  # (B, T, C)
    statistics: NDArray[np.float16]  # (B, S)
    unreadable: dict[str, str]


class _Extractor:
    """Runs decode and backbone, several batches at a time on a CPU."""

    def __init__(self, backbone: Backbone, settings: TrainSettings, device: torch.device) -> None:
        self.backbone = backbone
        self.device = device
        self.transform = transform_for(backbone, settings)
        self.pool = GridPool(settings.grid or 7, settings.grid_exact)
        self.layers = LayerStatistics(backbone, settings.image_size)
        self.channels, height, width = feature_shape(backbone, settings.image_size)
        rows, columns = self.pool.cells(height, width)
        self.steps = rows * columns
        self.projected = min(settings.projection or 0, self.channels)
        self.whiten = settings.whiten
        self.threads = settings.workers or cores()
        self.chunk = CHUNK if device.type == "cpu" else 256

    def run(self, examples: Sequence[Example]) -> Iterator[_Batch]:
        """Yield what the examples give, in order."""
        chunks = [list(examples[start : start + self.chunk]) for start in range(0, len(examples), self.chunk)]
        with (
            self.layers.listening(),
            single_threaded(self.device),
            ThreadPoolExecutor(self.threads, initializer=_one_thread) as pool,
        ):
            ahead = [pool.submit(self._chunk, chunk) for chunk in chunks[: self.threads + 1]]
            for position in range(len(chunks)):
                result = ahead.pop(0).result()
                following = position + self.threads + 1
                if following < len(chunks):
                    ahead.append(pool.submit(self._chunk, chunks[following]))
                yield result

    def _chunk(self, chunk: list[Example]) -> _Batch:
        squares, readable, bad = [], [], {}
        for example in chunk:
            try:
                squares.append(pixels(example.path, self.transform))
            except Unreadable as error:
                bad[example.sha256] = str(error)
            else:
                readable.append(example)
        if not readable:
            nothing = np.empty((0, self.steps, self.channels), np.float32)
            return _Batch([], nothing, self.no_statistics(), bad)
        return _Batch(readable, *self._forward(np.stack(squares)), bad)

    def no_statistics(self) -> NDArray[np.float16]:
        """Return statistics of no image, shape ``(0, S)``."""
        return np.empty((0, self.layers.width), np.float16)

    @torch.inference_mode()
    def _forward(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
        images = normalise(torch.from_numpy(squares).to(self.device), self.transform)
        grids: NDArray[np.float32] = self.pool(self.backbone(images)).float().cpu().numpy()
        if self.layers.width == 0:
            return grids, np.empty((len(grids), 0), np.float16)
        return grids, self.layers.take().cpu().numpy().clip(-HALF_MAX, HALF_MAX).astype(np.float16)


def normalise(squares: Tensor, transform: Transform) -> Tensor:
    """Return float images ``(N, 3, S, S)``, channels last in memory, of bytes ``(N, S, S, 3)``."""
    mean = torch.tensor(transform.mean, device=squares.device) * 255
    std = torch.tensor(transform.std, device=squares.device) * 255
    return ((squares.float() - mean) / std).permute(0, 3, 1, 2)


def _one_thread() -> None:
    torch.set_num_threads(1)


@contextmanager
def single_threaded(device: torch.device) -> Iterator[None]:
    """Let each of several Python threads compute by itself, instead of all sharing each operation.

    On a CPU whose cores others use too, an operation split over two threads waits for the slower one;
    measured on a busy two-core machine, LSTM training ran five times faster with one thread each.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Projection:
    """Where projected features lie, and what makes them."""

    name: str
    mean: Tensor  # (C,)
    matrix: Tensor  # (C, P); empty where grids are kept whole
    layer_mean: Tensor  # of the layers' statistics
    layer_matrix: Tensor  # onto the axes that are kept of them

    def write(self, store: RecordStore, batch: _Batch) -> None:
        """Project a batch's grids and append them, each with its statistics behind it."""
        if not batch.examples:
            return
        projected = torch.from_numpy(batch.grids.astype(np.float32))
        if self.matrix.numel():
            projected = (projected - self.mean) @ self.matrix
        layers = (torch.from_numpy(batch.statistics.astype(np.float32)) - self.layer_mean) @ self.layer_matrix
        halves = projected.numpy().astype(np.float16)
        axes = layers.numpy().clip(-HALF_MAX, HALF_MAX).astype(np.float16)
        store.append(
            (example.sha256, grid.tobytes() + statistics.tobytes())
            for example, grid, statistics in zip(batch.examples, halves, axes, strict=True)
        )


Sampled = list[_Batch]


def _projection(
    folder: Path, unique: dict[str, Example], extractor: _Extractor, progress: Progress
) -> tuple[_Projection, Sampled]:
    """Load the folder's projections, or fit them on a sample drawn by digest, which no label or path steers.

    One fitted on fewer than ``SAMPLE`` images is fitted again once the collection has doubled since.
    Returns what the sample's images gave, too, so that they pass the backbone once.
    """
    nothing = torch.empty(0)
    if extractor.projected == 0 and extractor.layers.width == 0:
        return _Projection("whole", nothing, nothing, nothing, torch.empty(0, 0)), []
    sizes = sorted(int(path.stem.split("-")[1]) for path in folder.glob("projection-*.safetensors"))
    if sizes and (sizes[-1] >= SAMPLE or len(unique) < 2 * sizes[-1]):
        return _load_projection(folder / f"projection-{sizes[-1]}.safetensors"), []
    sample = [unique[sha256] for sha256 in sorted(unique)[:SAMPLE]]
    progress.start(len(sample), "features (sample for the projection)")
    moments = Moments(extractor.channels)
    sampled: Sampled = []
    for batch in extractor.run(sample):
        moments.add(batch.grids.astype(np.float32))
        sampled.append(replace(batch, grids=batch.grids.astype(np.float16)))
        progress.advance(len(batch.examples) + len(batch.unreadable))
    path = folder / f"projection-{len(sample)}.safetensors"
    whole = {"mean": nothing, "matrix": nothing}
    fit = moments.fit(extractor.projected, extractor.whiten) if extractor.projected else whole
    statistics = np.concatenate([batch.statistics for batch in sampled] or [extractor.no_statistics()])
    fit["layer_mean"], fit["layer_matrix"] = principal_axes(statistics, extractor.layers.blocks)
    _write_once(path, lambda place: save_file(fit, place))
    return _load_projection(path), sampled


class Moments:
    """Sums over cells, from which a PCA is fitted."""

    def __init__(self, channels: int) -> None:
        self.cells = 0
        self.total = torch.zeros(channels, dtype=torch.float64)
        self.squares = torch.zeros(channels, channels, dtype=torch.float64)

    def add(self, grids: NDArray[np.float32]) -> None:
        """Add the cells of grids ``(B, T, C)``."""
        flat = torch.from_numpy(grids).flatten(0, 1)
        self.cells += len(flat)
        self.total += flat.sum(dim=0)
        self.squares += flat.T @ flat

    def fit(self, features: int, whiten: float) -> dict[str, Tensor]:
        """Return the mean ``(C,)``, and the map ``(C, P)`` onto the principal axes, turned at random.

        Adam rescales each input by itself. On principal axes that is whitening: the last, noisy axes learn as
        fast as the first, and the rare classes are learned by heart. On turned axes all inputs hold the same
        mixture, and the large directions are learned first, as under a quadratic penalty (measured: artists
        of wikiart224, 2 × 2 cells of 512 features, 41 % for 38 %).

        Args:
            features: How many axes are kept, P.
            whiten: 0 keeps their proportions, 1 makes all equally large. In either case the mean square
                over the sample's cells and features comes out as 1.
        """
        cells = max(self.cells, 1)
        mean = self.total / cells
        values, axes = torch.linalg.eigh(self.squares / cells - torch.outer(mean, mean))
        order = torch.argsort(values, descending=True)[:features]
        axes = axes[:, order]
        largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))  # its sign is LAPACK's whim
        scale = values[order].clamp(min=0).sqrt()
        scale = scale.clamp(min=1e-3 * float(scale.max().clamp(min=1e-6)))
        factor = scale**-whiten
        factor /= (scale * factor).square().mean().sqrt()
        matrix = axes * largest.sign() * factor @ turn(features)
        return {"mean": mean.float().contiguous(), "matrix": matrix.float().contiguous()}


def _load_projection(path: Path) -> _Projection:
    parts = load_file(path)
    name = path.stem.replace("projection", "grids")
    return _Projection(name, parts["mean"], parts["matrix"], parts["layer_mean"], parts["layer_matrix"])


def _write_once(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all; if another process was first, its file stays."""
    if path.exists():
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        with FileLock(path.parent / ".lock"):
            if not path.exists():
                os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
