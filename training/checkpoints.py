"""Saving and resuming a training: one file, written beside and renamed, so that a stop never leaves half of one."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contract.errors import BundleError


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

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Overwrite a module's parameters with the average."""
        for name, parameter in module.named_parameters():
            parameter.copy_(self.values[name])


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".writing")
    torch.save(state, beside)
    beside.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; raises BundleError when it is missing or not one of ours."""
    if not path.exists():
        raise BundleError(f"no checkpoint at {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not a checkpoint
        raise BundleError(f"{path} is not a checkpoint of this project: {error}") from error
    if not isinstance(state, dict):
        raise BundleError(f"{path} holds {type(state).__name__}, expected a checkpoint of this project")
    return state


def load_averaged(module: nn.Module, weights: dict[str, Tensor], origin: Path) -> None:
    """Load averaged weights (float16 or float32) into a module; raises BundleError naming what does not fit."""
    parameters = dict(module.named_parameters())
    if set(parameters) != set(weights):
        missing, foreign = sorted(set(parameters) - set(weights)), sorted(set(weights) - set(parameters))
        raise BundleError(f"{origin} does not fit the model: missing {missing[:5]}, unknown {foreign[:5]}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != weights[name].shape:
                raise BundleError(
                    f"{origin}: {name} is {tuple(weights[name].shape)}, expected {tuple(parameter.shape)}"
                )
            parameter.copy_(weights[name].float())
