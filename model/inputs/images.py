"""Images for fine-tuning: decoded once to a little more than is needed, then read from a pack."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from db.workspace.progress import Progress
from db.workspace.system import cores
from db.workspace.train_settings import TrainSettings
from model.distributed import World
from model.inputs.augment import augmented
from model.inputs.batches import Batch
from model.inputs.cache import RecordStore
from model.inputs.data import Example, Transform, Unreadable, read_image
from model.inputs.features import normalise

MARGIN = 256 / 224
"""The pack's short side, or square where images are squashed, relative to the network's: the seed's ratio."""

QUALITY = 95
CHUNK = 64


def pack_folder(cache_dir: Path, settings: TrainSettings) -> Path:
    """Return the folder of the pack that these settings read."""
    return cache_dir / "images" / f"{settings.resize}-{packed_side(settings.image_size)}"


def packed_side(size: int) -> int:
    """Return the short side kept of images that a network sees at ``size``."""
    return round(size * MARGIN)


def pack(
    examples: Sequence[Example],
    settings: TrainSettings,
    cache_dir: Path,
    progress: Progress,
    world: World | None = None,
) -> tuple[RecordStore, list[tuple[int, str]]]:
    """Decode what the pack lacks.

    Returns:
        The pack, open for reading; and artwork id and reason of each image that cannot be decoded.
    """
    world = world or World()
    unique = {example.sha256: example for example in examples}
    reasons: dict[str, str] = {}
    with RecordStore(pack_folder(cache_dir, settings)) as store:
        store.damaged(list(unique))
        world.wait()
        missing = [unique[sha256] for sha256 in sorted(unique) if sha256 not in store]
        missing = missing[world.rank :: world.size]
        progress.start(len(missing), "decoding")
        with ThreadPoolExecutor(settings.workers or cores()) as pool:
            for start in range(0, len(missing), CHUNK):
                chunk = missing[start : start + CHUNK]
                packed = list(pool.map(lambda example: _packed(example, settings), chunk))
                pairs = list(zip(chunk, packed, strict=True))
                store.append((example.sha256, data) for example, data in pairs if isinstance(data, bytes))
                reasons |= {example.sha256: data for example, data in pairs if isinstance(data, str)}
                progress.advance(len(chunk))
        for gathered in world.gather(dict(reasons)):
            reasons.update(gathered)
        store.refresh()
    return store, [(item.artwork_id, reasons[item.sha256]) for item in examples if item.sha256 in reasons]


def _packed(example: Example, settings: TrainSettings) -> bytes | str:
    """Return the small JPEG, or the reason why there is none."""
    side = packed_side(settings.image_size)
    try:
        image = read_image(example.path, side if settings.resize == "crop" else 2 * side)
    except Unreadable as error:
        return str(error)
    if settings.resize == "squash":
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    else:
        scale = side / min(image.size)
        longest = 4 * side  # of a scroll or a frieze, the middle
        width, height = (max(side, round(length * scale)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        image = image.crop((left, top, min(width, left + longest), min(height, top + longest)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


class ImageFeed:
    """Reads images of the pack in threads, a few batches ahead of the network."""

    def __init__(
        self,
        store: RecordStore,
        examples: Sequence[Example],
        transform: Transform,
        settings: TrainSettings,
        device: torch.device,
    ) -> None:
        self.store = store
        self.examples = examples
        self.transform = transform
        self.settings = settings
        self.device = device
        self.threads = settings.workers or min(8, cores())
        self.pool = ThreadPoolExecutor(self.threads)

    def __enter__(self) -> ImageFeed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.shutdown(cancel_futures=True)

    def training(self, plan: Sequence[NDArray[np.int64]], seed: Sequence[int]) -> Iterator[Batch]:
        """Yield augmented batches of one epoch; what an image goes through follows from seed and row."""

        def one(row: int) -> NDArray[np.uint8]:
            rng = np.random.default_rng([*seed, row])
            return augmented(self._open(row), self.settings, rng)

        return self._ahead(plan, one)

    def plain(self, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield all rows as :class:`Transform` cuts them, 64 at a time."""

        def one(row: int) -> NDArray[np.uint8]:
            return np.asarray(self.transform.square(self._open(row)), dtype=np.uint8)

        return self._ahead([rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)], one)

    def _open(self, row: int) -> Image.Image:
        return Image.open(io.BytesIO(self.store.get(self.examples[row].sha256))).convert("RGB")

    def _ahead(
        self, plan: Sequence[NDArray[np.int64]], one: Callable[[int], NDArray[np.uint8]]
    ) -> Iterator[Batch]:
        """Load a few batches ahead; hand each to the device when the network asks for it."""
        depth = 3

        def submit(rows: NDArray[np.int64]) -> list[Future[NDArray[np.uint8]]]:
            return [self.pool.submit(one, int(row)) for row in rows]

        ahead = [submit(rows) for rows in plan[:depth]]
        for position, rows in enumerate(plan):
            loaded = [future.result() for future in ahead.pop(0)]
            if position + depth < len(plan):
                ahead.append(submit(plan[position + depth]))
            yield rows, self._inputs(np.stack(loaded))

    def _inputs(self, squares: NDArray[np.uint8]) -> Tensor:
        images = torch.from_numpy(squares)
        if self.device.type == "cuda":
            images = images.pin_memory().to(self.device, non_blocking=True)
        return normalise(images.to(self.device), self.transform)
