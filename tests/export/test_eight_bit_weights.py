"""Large matrices in 8 bits: a fourth of the size, the same network to within a percent, on both engines."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from contract.spec import EngineSignature, TensorSpec
from engines.registry import open_engine
from export.eight_bit_weights import store_in_8_bits
from export.to_onnx import export_component

SIGNATURE = EngineSignature((TensorSpec("x", (None, 320)),), (TensorSpec("y", (None, 256)),))


class TwoLayers(nn.Module):
    """One large matrix, and a small one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.large = nn.Parameter(torch.randn(320, 256) * torch.logspace(-3, 1, 256) / 18)
        self.small = nn.Parameter(torch.eye(256)[:, :16].contiguous())

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.large
        return y + (y @ self.small).sum(1, keepdim=True)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    export_component(TwoLayers(), SIGNATURE, tmp_path / "exact.onnx")
    assert store_in_8_bits(tmp_path / "exact.onnx", tmp_path / "short.onnx") == 320 * 256
    return tmp_path / "exact.onnx", tmp_path / "short.onnx"


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_each_output_stays_within_a_percent_whatever_its_scale(
    files: tuple[Path, Path], backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    x = np.random.default_rng(0).standard_normal((40, 320)).astype(np.float32)
    exact, short = (open_engine(backend, path, SIGNATURE, "float32", 1).run(x=x)["y"] for path in files)
    difference = np.abs(np.asarray(exact) - np.asarray(short)).max(0)
    assert (difference < 0.02 * np.abs(exact).max(0)).all()
    assert difference.max() > 0


def test_the_file_shrinks_and_small_matrices_stay(files: tuple[Path, Path]) -> None:
    exact, short = files
    assert short.stat().st_size < 0.35 * exact.stat().st_size
    kinds = {tuple(tensor.dims): tensor.data_type for tensor in onnx.load(short).graph.initializer}
    assert kinds[320, 256] == onnx.TensorProto.INT8
    assert kinds[256, 16] == onnx.TensorProto.FLOAT
