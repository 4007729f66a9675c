"""The network that a run hands on, as files: ``model.export`` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from model.evaluate import Metrics
from model.export import FORMAT
from model.network.checkpoint import write_checkpoint
from model.training.runner import Runner


def write_model(
    path: Path, runner: Runner, state: Mapping[str, Tensor], metrics: Mapping[str, Metrics]
) -> None:
    """Write the network that a run hands on: ``path.safetensors`` and ``path.json``, whole in themselves."""
    network = runner.network(0).cpu()
    if runner.settings.mode == "frozen":
        network.sequence.load_state_dict(dict(state))
    else:
        network.load_state_dict(dict(state))
    spec = runner.backbone.spec
    about = {
        "format": FORMAT,
        "backbone": spec.name,
        "backbone_weights": runner.weights,
        "settings": runner.settings.model_dump(mode="json"),
        "classes": {target.attribute: list(target.classes) for target in runner.targets},
        "transform": {
            "size": runner.settings.image_size,
            "resize": runner.settings.resize,
            "mean": spec.mean,
            "std": spec.std,
        },
        "map_shape": runner.map_shape,
        "temperature": {name: values["temperature"] for name, values in metrics.items()},
        "metrics": dict(metrics),
    }
    write_checkpoint(path, network.state_dict(), about)
