"""Reading a checkpoint: never code, only tensors and plain values; what does not fit is named."""

import pickle
import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from contract.errors import BundleError

# A damaged file trips its reader wherever the damage lies, and code is refused where it stands.
_READ_ERRORS = (
    pickle.UnpicklingError,
    struct.error,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load_checkpoint(path: Path, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a checkpoint; raises BundleError when it is missing, damaged, holds code or lacks an entry of `needs`."""
    if not path.is_file():
        raise BundleError(f"{path} is {'a folder' if path.is_dir() else 'not there'}, expected a checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _READ_ERRORS as error:
        # Torch's own words are a page long and end in the advice to trust the file.
        raise BundleError(
            f"{path} is no checkpoint: it is damaged, or holds more than tensors and plain values "
            f"({type(error).__name__})"
        ) from error
    if not isinstance(state, dict):
        raise BundleError(f"{path} holds {type(state).__name__}, expected a checkpoint")
    if missing := [name for name in needs if name not in state]:
        raise BundleError(f"{path} is another kind of checkpoint: it lacks {missing}, expected {list(needs)}")
    return state


def load_parameters(module: nn.Module, weights: dict[str, Tensor], origin: str) -> None:
    """Copy parameters and kept statistics (of any float type) into a module by name.

    Raises BundleError naming what does not fit.
    """
    parameters = module.state_dict(keep_vars=True)
    missing, foreign = sorted(parameters.keys() - weights.keys()), sorted(weights.keys() - parameters.keys())
    if missing or foreign:
        raise BundleError(f"{origin} does not fit the model: it lacks {missing[:5]} and has unknown {foreign[:5]}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != weights[name].shape:
                raise BundleError(f"{origin}: {name} is {list(weights[name].shape)}, expected {list(parameter.shape)}")
            parameter.copy_(weights[name])
