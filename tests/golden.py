"""The golden arrays: networks at official size with deterministic weights, and what they must give."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parent / "data" / "golden"


def load_weights_module() -> ModuleType:
    """The file that makes every weight from its name."""
    spec = importlib.util.spec_from_file_location("golden_weights", FOLDER / "weights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


weights = load_weights_module()


def fill(module: nn.Module, prefix: str) -> nn.Module:
    """Give every parameter its golden value by its checkpoint name."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(weights.parameter(prefix + name, tuple(parameter.shape))))
    return module.eval()


def arrays(name: str) -> dict[str, np.ndarray]:
    """One file of golden arrays."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def relative_error(value: Tensor | np.ndarray, expected: np.ndarray) -> float:
    """max |difference| / max |expected|."""
    got = value.detach().numpy() if isinstance(value, Tensor) else value
    assert got.shape == expected.shape, f"{got.shape} against {expected.shape}"
    return float(np.abs(got - expected).max() / np.abs(expected).max())
