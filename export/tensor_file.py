"""A file of named tensors, as others publish them: a PyTorch checkpoint or safetensors. Never code.

In:  NAME.safetensors, or any other name for a checkpoint of torch.save
Out: tensors by name
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from contract.errors import BundleError
from models.checkpoint import load_checkpoint

_SHOWN = 5


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file by name; raises BundleError where it is missing, damaged, holds code or anything else."""
    state = _read_safetensors(path) if path.suffix == ".safetensors" else load_checkpoint(path)
    if not state:
        raise BundleError(f"{path} is empty, expected tensors by name")
    if others := [name for name, value in state.items() if not isinstance(name, str) or not isinstance(value, Tensor)]:
        kinds = ", ".join(f"{name!r} ({type(state[name]).__name__})" for name in others[:_SHOWN])
        raise BundleError(f"{path} holds {kinds} among its entries, expected nothing but tensors by name")
    return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise BundleError(f"{path} is {'a folder' if path.is_dir() else 'not there'}, expected a checkpoint")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise BundleError(f"{path} is no safetensors file, or is damaged: {error}") from error
    return tensors


def check_values(name: str, tensor: Tensor, origin: str) -> None:
    """Raises BundleError where a tensor is no array of finite numbers."""
    if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
        kind = "values that are not finite" if tensor.is_floating_point() else f"{tensor.dtype}"
        raise BundleError(f"{origin}: {name} holds {kind}, expected finite floating-point numbers")
