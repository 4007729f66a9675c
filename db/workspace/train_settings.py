"""Every setting of a training run: range, default, and what it does.

One model serves three places: the ``[train]`` table of ``curate.toml``, the options of ``curate train``,
and the settings stored with each run. It imports pydantic only, so that ``curate --help`` stays quick.

A value of ``None`` means "what the recipe says": the right learning rate, number of epochs and batch size
differ between training heads on cached features and fine-tuning a whole network.
:meth:`TrainSettings.resolved` fills them in, and a run stores the resolved settings.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FROZEN: dict[str, Any] = {
    "epochs": 7,
    "batch_size": "auto",
    "lr": 3e-3,
    "backbone_lr": 0.0,
    "weight_decay": 0.01,
    "dropout": 0.5,
    "label_smoothing": 0.1,
    "lstm_hidden": 384,
    "lstm_pool": "final+mean",
    "projection": 512,
    "grid": 2,
    "ensemble": 2,
    "augment": "none",
}
"""The default recipe for heads on cached features."""

FINETUNE: dict[str, Any] = {
    "epochs": 12,
    "batch_size": 32,
    "lr": 2e-3,
    "backbone_lr": 3e-4,
    "weight_decay": 0.05,
    "dropout": 0.5,
    "label_smoothing": 0.1,
    "lstm_hidden": 256,
    "lstm_pool": "final",
    "projection": 512,
    "grid": 7,
    "ensemble": 1,
    "augment": "light",
}
"""The default recipe for a network trained end to end."""

SEED: dict[str, Any] = {
    "mode": "finetune",
    "protocol": "holdout",
    "epochs": 12,
    "batch_size": 16,
    "lr": 2e-3,
    "backbone_lr": 2e-3,
    "layer_decay": 1.0,
    "weight_decay": 0.0,
    "optimizer": "adam",
    "scheduler": "none",
    "warmup": 0.0,
    "grad_clip": 0.0,
    "label_smoothing": 0.0,
    "ema": 0.0,
    "patience": 0,
    "best_epoch": False,
    "sampler": "genre",
    "task_weights": "sum",
    "unfreeze": "all",
    "freeze_batchnorm": False,
    "chrono": False,
    "grid": 7,
    "grid_exact": True,
    "resize": "squash",
    "complete_only": True,
    "projection": 0,
    "lstm_hidden": 256,
    "lstm_layers": 1,
    "bidirectional": False,
    "lstm_pool": "final",
    "ensemble": 1,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "augment": "seed",
    "precision": "float32",
}
"""The recipe of the seed project, as its notebooks have it (a batch of 8 with ResNet50, 16 otherwise)."""

AUGMENTATIONS: dict[str, dict[str, float]] = {
    "none": {},
    "seed": {"crop_scale": 1.0, "flip": 0.5},
    "light": {"crop_scale": 0.6, "flip": 0.5, "color_jitter": 0.1},
    "strong": {
        "crop_scale": 0.4,
        "flip": 0.5,
        "color_jitter": 0.2,
        "rotation": 5.0,
        "erasing": 0.25,
        "mixup": 0.2,
    },
}
"""What each value of ``augment`` switches on; any single setting given beside it wins."""


class TrainSettings(BaseModel):
    """The settings of one run; values outside their range are refused with the range."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # what is computed
    protocol: Literal["cross-validation", "holdout"] = Field(
        "cross-validation", description="Out-of-sample for every artwork by folds, or one 70/15/15 split."
    )
    mode: Literal["frozen", "finetune"] = Field(
        "frozen", description="Train LSTM and heads on cached features, or the whole network end to end."
    )
    recipe: Literal["default", "seed"] = Field(
        "default", description="`seed` repeats the settings of the project that this one grew from."
    )
    folds: int = Field(5, ge=2, le=20, description="Folds of the cross-validation.")
    ensemble: int | None = Field(
        None,
        ge=1,
        le=10,
        description="Networks per fold, of different first weights; their probabilities are averaged.",
    )
    min_class_count: int | None = Field(
        None,
        ge=1,
        description="Labelled groups that a class needs to enter a run; the larger of 5 and folds.",
    )
    complete_only: bool = Field(False, description="Train only on artworks with a label in every attribute.")
    drop_doubtful: bool = Field(
        False, description="Leave out labels that an earlier run finds more likely wrong than right."
    )
    weight_by_score: bool = Field(
        False, description="Weight each label by the chance that it is right, as an earlier run says."
    )
    trust_run: int = Field(
        0, ge=0, description="The run whose scores these two go by; 0 takes the newest that is complete."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Same seed, same machine, same numbers.")

    # network
    backbone: str = Field(
        "efficientnet_b0",
        min_length=1,
        description="resnet50, efficientnet_b0, efficientnet_lite0 (its weights need no download), "
        "or the name of any timm model.",
    )
    weights: str = Field(
        "auto",
        min_length=1,
        description="`auto` (the backbone's own), a file of weights, or `none` (random).",
    )
    embeddings: str | None = Field(
        None,
        min_length=1,
        description="Train on these features in place of the backbone's: a file (parquet, npz, CSV), "
        "or `run:N` for an earlier run's.",
    )
    evidence_backbone: str | None = Field(
        None,
        min_length=1,
        description="Another backbone for the embedding that neighbours, outliers and the map go by.",
    )
    evidence_weights: str = Field(
        "auto", min_length=1, description="Its weights: `auto` (its own), a file of weights, or `none`."
    )
    image_size: int = Field(224, ge=32, le=1024, description="Side of the square the network sees, pixels.")
    resize: Literal["crop", "squash"] = Field(
        "crop", description="Keep the aspect ratio and crop, or squash."
    )
    grid: int | None = Field(
        None, ge=1, le=14, description="The feature map is pooled to at most grid × grid cells."
    )
    grid_exact: bool = Field(False, description="Always grid × grid, even where that copies cells.")
    projection: int | None = Field(
        None, ge=0, le=4096, description="Features a cell is projected to before the LSTM; 0 keeps them all."
    )
    whiten: float = Field(
        0.0, ge=0, le=1, description="How far the projected features are scaled to one size: 0 not, 1 fully."
    )
    lstm_hidden: int | None = Field(None, ge=4, le=4096, description="Size of the LSTM's hidden state.")
    lstm_layers: int = Field(1, ge=1, le=4, description="LSTM layers.")
    bidirectional: bool = Field(False, description="Read the cells in both directions.")
    lstm_pool: Literal["final", "mean", "final+mean"] | None = Field(
        None, description="Heads read the final hidden state, the mean over all cells, or both."
    )
    lstm_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout between LSTM layers.")
    chrono: bool = Field(
        True, description="Start the LSTM's forget gates so that it remembers the whole sequence."
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the LSTM.")
    dropout: float | None = Field(None, ge=0, lt=1, description="Dropout before the heads.")

    # optimisation
    epochs: int | None = Field(None, ge=1, le=1000, description="Passes over the training artworks.")
    batch_size: int | Literal["auto"] | None = Field(
        None, description="Artworks per step; `auto` finds what suits the collection and fits the device."
    )
    optimizer: Literal["adamw", "adam", "sgd"] = Field("adamw", description="The optimizer.")
    lr: float | None = Field(None, gt=0, le=10, description="Learning rate of LSTM and heads.")
    backbone_lr: float | None = Field(None, ge=0, le=10, description="Learning rate of the backbone.")
    layer_decay: float = Field(
        0.8, gt=0, le=1, description="Each earlier stage of the backbone learns this much slower."
    )
    weight_decay: float | None = Field(None, ge=0, le=1, description="Weight decay of the matrices.")
    scheduler: Literal["cosine", "one-cycle", "step", "none"] = Field(
        "cosine", description="How the learning rate falls."
    )
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the rate rises first.")
    grad_clip: float = Field(1.0, ge=0, le=1000, description="Largest norm of a gradient; 0 is no limit.")
    label_smoothing: float | None = Field(
        None, ge=0, lt=1, description="Share of the target given to all classes."
    )
    ema: float = Field(
        0.0, ge=0, lt=1, description="Decay of the averaged weights that predict; 0 uses the last weights."
    )
    patience: int = Field(
        0,
        ge=0,
        le=1000,
        description="Stop after this many epochs without a better validation loss; 0 trains all epochs.",
    )
    validation_fraction: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="With patience, the share of a fold's training artworks that decides when to stop.",
    )
    best_epoch: bool = Field(
        True, description="Where there is validation, keep its best epoch instead of the last."
    )
    sampler: str = Field(
        "none",
        pattern=r"^(none|class-aware|[a-z][a-z0-9_]{0,40})$",
        description="`none`, `class-aware` (all attributes), or an attribute whose rare classes come often.",
    )
    logit_adjustment: float = Field(
        0.0, ge=0, le=2, description="Strength of logit adjustment by class frequency, instead of a sampler."
    )
    task_weights: str = Field(
        "sum", description="`sum`, `uncertainty`, `dwa`, or fixed weights such as `style=1,genre=0.5`."
    )
    unfreeze: Literal["all", "staged", "none"] = Field(
        "all", description="The backbone learns at once, stage by stage from the top, or never."
    )
    freeze_epochs: int = Field(0, ge=0, le=1000, description="Epochs before the backbone begins to learn.")
    freeze_batchnorm: bool = Field(True, description="Keep the backbone's batch-norm statistics as they are.")

    # augmentation (fine-tuning only; mixup also works on cached features)
    augment: Literal["none", "seed", "light", "strong"] | None = Field(
        None, description="A set of augmentations; the options below override it one by one."
    )
    crop_scale: float | None = Field(None, gt=0, le=1, description="Smallest share of the image in a crop.")
    flip: float | None = Field(None, ge=0, le=1, description="Probability of a mirror image.")
    color_jitter: float | None = Field(None, ge=0, le=1, description="Strength of colour changes.")
    rotation: float | None = Field(None, ge=0, le=180, description="Largest rotation, degrees.")
    randaugment: int | None = Field(None, ge=0, le=4, description="RandAugment operations an image.")
    erasing: float | None = Field(None, ge=0, le=1, description="Probability of an erased rectangle.")
    mixup: float | None = Field(None, ge=0, le=4, description="Alpha of mixup; 0 is off.")
    cutmix: float | None = Field(None, ge=0, le=4, description="Alpha of cutmix; 0 is off.")

    # surroundings
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda or cuda:N."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Arithmetic of the network; auto is bfloat16 where that is faster on the device."
    )
    compile: bool = Field(False, description="Compile the backbone with torch.compile.")
    workers: int = Field(0, ge=0, le=64, description="Threads that read images; 0 chooses.")
    keep_checkpoints: int = Field(2, ge=1, le=100, description="Checkpoints kept of each model in training.")
    tensorboard: bool = Field(True, description="Write TensorBoard event files beside metrics.jsonl.")

    @field_validator("batch_size")
    @classmethod
    def _positive(cls, size: int | str | None) -> int | str | None:
        if isinstance(size, int) and not 1 <= size <= 65536:
            raise ValueError(f"batch_size is {size}; it must be between 1 and 65536, or `auto`")
        return size

    @field_validator("task_weights")
    @classmethod
    def _weights(cls, text: str) -> str:
        if text not in ("sum", "uncertainty", "dwa") and not re.fullmatch(
            r"[a-z][a-z0-9_]*=\d+(\.\d+)?(,[a-z][a-z0-9_]*=\d+(\.\d+)?)*", text
        ):
            raise ValueError(f"{text!r} is not sum, uncertainty, dwa, or NAME=WEIGHT,NAME=WEIGHT")
        return text

    @model_validator(mode="after")
    def _agree(self) -> TrainSettings:
        if self.embeddings is not None and self.mode == "finetune":
            raise ValueError("embeddings are features already; fine-tuning needs images: leave one out")
        if self.sampler != "none" and self.logit_adjustment > 0 and "sampler" in self.model_fields_set:
            raise ValueError("sampler and logit_adjustment both correct for rare classes; set one of them")
        return self

    def resolved(self) -> TrainSettings:
        """Return these settings with every ``None`` replaced by what the recipe says.

        A value that was given always wins over the recipe. Resolving twice changes nothing.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        given = {name: value for name, value in given.items() if value is not None}
        recipe = SEED if self.recipe == "seed" else {}
        mode = given.get("mode", recipe.get("mode", self.mode))
        values = {**(FINETUNE if mode == "finetune" else FROZEN), **recipe, **given}
        if self.recipe == "seed" and str(values.get("backbone", self.backbone)).startswith("resnet"):
            values["batch_size"] = given.get("batch_size", 8)
        options = (
            "crop_scale",
            "flip",
            "color_jitter",
            "rotation",
            "randaugment",
            "erasing",
            "mixup",
            "cutmix",
        )
        preset = AUGMENTATIONS[values["augment"]]
        for option in options:
            default = 1.0 if option == "crop_scale" else 0
            values.setdefault(option, preset.get(option, default))
        values.setdefault("min_class_count", max(5, values.get("folds", self.folds)))
        return TrainSettings.model_validate(values)

    def fixed_task_weights(self) -> dict[str, float]:
        """Return the weights of ``task_weights="style=1,genre=0.5"``; empty for the named methods."""
        if "=" not in self.task_weights:
            return {}
        pairs = (part.split("=") for part in self.task_weights.split(","))
        return {name: float(weight) for name, weight in pairs}
