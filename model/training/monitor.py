"""What can be watched while a run goes, and looked at afterwards: metrics.jsonl, TensorBoard, curves."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from db.workspace.progress import Progress
from model.training.fit import Epoch


class Monitor:
    """Writes each epoch of each model to ``metrics.jsonl`` and, if wanted, to TensorBoard event files."""

    def __init__(self, run_dir: Path, progress: Progress, tensorboard: bool) -> None:
        self.path = run_dir / "metrics.jsonl"
        self.progress = progress
        self.folder = run_dir / "tensorboard" if tensorboard else None
        self.began = time.perf_counter()
        self._writers: dict[str, _Events] = {}

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()

    def epoch(self, line: Epoch) -> None:
        """Take one epoch's line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.folder is not None:
            name = str(line["model"])
            if name not in self._writers:
                self._writers[name] = _Events(self.folder / name)
            self._writers[name].write(line)
        self.progress.advance(1, short(line))


class _Events:
    """One model's TensorBoard event file."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes a second to import

        self.writer = SummaryWriter(str(folder))

    def write(self, line: Epoch) -> None:
        step = int(line["epoch"])
        for part, values in (("train", line), ("validation", line.get("validation"))):
            if values:
                self._scalar(f"loss/{part}", values["loss"], step)
                for name, value in values["accuracy"].items():
                    self._scalar(f"accuracy/{name}/{part}", value, step)
        self._scalar("lr", line["lr"], step)
        self._scalar("images_per_second", line["images_per_second"], step)

    def _scalar(self, tag: str, value: float, step: int) -> None:
        self.writer.add_scalar(tag, value, step)

    def close(self) -> None:
        self.writer.close()


def short(line: Epoch) -> str:
    """Return one epoch as a bar shows it: ``fold-0 epoch 3 loss 4.21 style 51% genre 60% 2140/s``."""
    values = line.get("validation") or line
    accuracies = " ".join(f"{name} {100 * value:.0f}%" for name, value in values["accuracy"].items())
    speed = f"{line['images_per_second']:.0f}/s"
    return f"{line['model']} epoch {line['epoch']} loss {values['loss']:.2f} {accuracies} {speed}"


def draw_curves(history: Sequence[Epoch], path: Path) -> None:
    """Draw losses and accuracies over the epochs, one line a model, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not history:
        return
    attributes = list(history[0]["accuracy"])
    width = 4 * (len(attributes) + 1)
    figure = Figure(figsize=(width, 3.2))
    FigureCanvasAgg(figure)
    margins = {"left": 0.5 / width, "right": 1 - 0.15 / width, "bottom": 0.16, "top": 0.9}  # in inches across
    panels = figure.subplots(1, len(attributes) + 1, squeeze=False, gridspec_kw=margins)[0]
    for model in dict.fromkeys(str(line["model"]) for line in history):
        lines = [line for line in history if line["model"] == model]
        epochs = [line["epoch"] for line in lines]
        checked = [line["validation"] for line in lines if "validation" in line]
        (drawn,) = panels[0].plot(epochs, [line["loss"] for line in lines], label=model)
        if len(checked) == len(epochs):
            panels[0].plot(epochs, [line["loss"] for line in checked], "--", color=drawn.get_color())
        for panel, name in zip(panels[1:], attributes, strict=True):
            panel.plot(epochs, [line["accuracy"][name] for line in lines], color=drawn.get_color())
            if len(checked) == len(epochs):
                values = [line["accuracy"][name] for line in checked]
                panel.plot(epochs, values, "--", color=drawn.get_color())
    for panel, title in zip(panels, ["loss (dashed: validation)", *attributes], strict=True):
        panel.set_title(title)
        panel.set_xlabel("epoch")
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=110)
