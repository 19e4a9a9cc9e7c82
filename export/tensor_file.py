"""A file of named tensors, as others publish them: a PyTorch checkpoint or safetensors. Never code.

In:  NAME.safetensors, or any other name for a checkpoint of torch.save
Out: tensors by name
"""

import warnings
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
    if path.suffix == ".safetensors":
        state = _read_safetensors(path)
    else:
        with warnings.catch_warnings():
            # Of how it was pickled: it can be read, or the error says enough.
            warnings.simplefilter("ignore")
            state = load_checkpoint(path)
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
    """Raises BundleError where a tensor is no plain array of finite numbers."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or not tensor.is_floating_point():
        found = f"a tensor of {tensor.dtype}, {tensor.layout}, {tensor.device}"
    elif not bool(torch.isfinite(tensor.float()).all()):
        found = "values that are not finite"
    else:
        return
    raise BundleError(f"{origin}: {name} holds {found}, expected finite floating-point numbers")
