"""Reading a checkpoint: never code, only tensors and plain values; what does not fit is named."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contract.errors import BundleError


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; raises BundleError when it is missing or not one of ours."""
    if not path.exists():
        raise BundleError(f"no checkpoint at {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BundleError(f"{path} is not a checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise BundleError(f"{path} holds {type(state).__name__}, expected a checkpoint")
    return state


def load_parameters(module: nn.Module, weights: dict[str, Tensor], origin: str) -> None:
    """Copy parameters (of any float type) into a module by name; raises BundleError naming what does not fit."""
    parameters = dict(module.named_parameters())
    missing, foreign = sorted(parameters.keys() - weights.keys()), sorted(weights.keys() - parameters.keys())
    if missing or foreign:
        raise BundleError(f"{origin} does not fit the model: it lacks {missing[:5]} and has unknown {foreign[:5]}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != weights[name].shape:
                raise BundleError(f"{origin}: {name} is {list(weights[name].shape)}, expected {list(parameter.shape)}")
            parameter.copy_(weights[name].float())
