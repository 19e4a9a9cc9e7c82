"""Saving a training: one file, written beside and renamed, so that a stop never leaves half of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Exponential moving average of a module's parameters, the weights that are shipped."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: p.detach().float().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the module's present weights; early steps are forgotten faster."""
        decay = min(self.decay, (step + 1) / (step + 10))
        for name, parameter in module.named_parameters():
            self.values[name].lerp_(parameter.detach().float(), 1 - decay)

    @contextmanager
    def in_place_of(self, module: nn.Module) -> Iterator[None]:
        """Run a block with the average in place of a module's own weights."""
        own = {name: p.detach().clone() for name, p in module.named_parameters()}
        self._copy(self.values, module)
        try:
            yield
        finally:
            self._copy(own, module)

    @torch.no_grad()
    def _copy(self, values: dict[str, Tensor], module: nn.Module) -> None:
        for name, parameter in module.named_parameters():
            parameter.copy_(values[name])


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".writing")
    torch.save(state, beside)
    beside.replace(path)


def save_averaged(path: Path, average: AveragedWeights, step: int) -> None:
    """Write averaged weights in float16: small enough to keep, and enough to begin another run with."""
    weights = {name: value.half().cpu() for name, value in average.values.items()}
    save_checkpoint(path, {"average": weights, "step": step})
