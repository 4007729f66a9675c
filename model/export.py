"""A trained model as files: what ``curate predict`` reads, and what is handed on to others."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from db.workspace.outputs import output_folder, whole_file
from db.workspace.train_settings import TrainSettings
from model.errors import CheckpointUnreadable, ExportFailed
from model.inputs.data import Transform
from model.network.backbones import make_backbone
from model.network.checkpoint import read_checkpoint
from model.network.cnn_lstm import CnnLstm

FORMAT = "curate-model-1"
OPSET = 17
"""Of ONNX: what onnxruntime 1.14 of 2023 and later read; LayerNorm, of ViTs and ConvNeXts, is in it."""

Kind = Literal["safetensors", "onnx", "pth"]


def read_model(path: Path) -> tuple[CnnLstm, dict[str, Any]]:
    """Read a model; return the network, in evaluation mode, and what its JSON says.

    Raises:
        CheckpointUnreadable: It is not there, damaged, or of another format.
    """
    state, about = read_checkpoint(path)
    if about.get("format") != FORMAT:
        raise CheckpointUnreadable(path, f"its format is {about.get('format')!r}, expected {FORMAT!r}")
    settings = TrainSettings.model_validate(about["settings"])
    backbone = make_backbone(settings.backbone, settings.image_size)
    counts = [len(classes) for classes in about["classes"].values()]
    network = CnnLstm(backbone, tuple(about["map_shape"]), counts, settings)
    network.load_state_dict(state)
    return network.eval(), about


def read_transform(about: Mapping[str, Any]) -> Transform:
    """Return the transform that a model's JSON describes."""
    described = about["transform"]
    return Transform(
        described["size"], described["resize"], tuple(described["mean"]), tuple(described["std"])
    )


def export_model(path: Path, out: Path, kind: Kind) -> list[Path]:
    """Write a run's model for use elsewhere, with its classes, its transform and a card.

    Args:
        path: The model in the run's folder, without suffix.
        out: A folder, made if absent.
        kind: ``safetensors`` and ``pth`` hold the weights by name, ``onnx`` the whole computation.

    Returns:
        The files written.

    Raises:
        CheckpointUnreadable: There is no readable model at ``path``.
    """
    network, about = read_model(path)
    output_folder(out)
    weights = out / f"model.{kind}"
    with whole_file(weights) as file:
        if kind == "safetensors":
            shutil.copyfile(path.with_name(path.name + ".safetensors"), file)
        elif kind == "pth":
            with file.open("wb") as opened:  # by name, torch would tell a full disk in its own words
                torch.save(network.state_dict(), opened)
        else:
            _write_onnx(network, about, file)
    described = out / "model.json"
    with whole_file(described) as file:
        file.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    card = out / "README.md"
    with whole_file(card) as file:
        file.write_text(model_card(about, weights.name), encoding="utf-8")
    return [weights, described, card]


class _Probabilities(nn.Module):
    """The network with calibrated probabilities as outputs, for use without curate."""

    def __init__(self, network: CnnLstm, temperatures: list[float]) -> None:
        super().__init__()
        self.network = network
        self.temperatures = temperatures

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        logits = self.network(images)
        return tuple((part / t).softmax(dim=1) for part, t in zip(logits, self.temperatures, strict=True))


def _write_onnx(network: CnnLstm, about: Mapping[str, Any], path: Path) -> None:
    """Write an ONNX graph: input ``images`` (N, 3, S, S), one output of probabilities an attribute."""
    names = list(about["classes"])
    side = int(about["transform"]["size"])
    wrapped = _Probabilities(network, [float(about["temperature"][name]) for name in names]).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes on its own future
        try:
            torch.onnx.export(
                wrapped,
                (torch.zeros(2, 3, side, side),),
                str(path),
                input_names=["images"],
                output_names=names,
                dynamic_axes={name: {0: "N"} for name in ("images", *names)},
                opset_version=OPSET,
                dynamo=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ExportFailed(about["backbone"], said[:200]) from error


def model_card(about: Mapping[str, Any], weights: str) -> str:
    """Return a page for people: what the model is, what it was measured at, how to feed it."""
    transform = about["transform"]
    fit = "the largest centred square, resized" if transform["resize"] == "crop" else "squashed"
    rows = [
        f"| {name} | {len(about['classes'][name])} | {100 * values['accuracy']:.1f} % "
        f"| {100 * values['majority']:.1f} % | {values['macro_f1']:.3f} | {values['n']} |"
        for name, values in about["metrics"].items()
    ]
    return "\n".join(
        [
            f"# Artwork classifier: {about['backbone']} + LSTM",
            "",
            f"`{weights}` predicts {', '.join(about['classes'])} of an artwork's image. Class names, "
            "settings and checksums stand in `model.json`.",
            "",
            "| attribute | classes | accuracy | always the commonest | macro F1 | labels |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "Measured out of sample, against the labels as they were given, whose faults count as errors.",
            "",
            f"Input: RGB, {fit} to {transform['size']} × {transform['size']} pixels, divided by 255, less "
            f"{list(transform['mean'])}, divided by {list(transform['std'])}. Divide the logits by the "
            "`temperature` of `model.json` for calibrated probabilities (the ONNX file has done so).",
            "",
        ]
    )
