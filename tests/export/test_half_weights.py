"""Weights that float16 holds exactly are stored so; all others, and every number that comes out, stay as they were."""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from contract.spec import EngineSignature, TensorSpec
from engines.registry import open_engine
from export.half_weights import round_to_half, store_halves
from export.to_onnx import export_component

SIGNATURE = EngineSignature(inputs=(TensorSpec("x", (None, 96)),), outputs=(TensorSpec("latent", (None, 8)),))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 8))


def weights_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def test_matrices_are_rounded_and_small_ones_are_not() -> None:
    module = network()
    exact = weights_of(module)
    round_to_half(module)
    rounded = weights_of(module)
    assert torch.equal(rounded["0.weight"], exact["0.weight"].half().float())
    assert {name for name in exact if not torch.equal(exact[name], rounded[name])} == {"0.weight"}


def test_a_rounded_network_is_stored_in_half_its_size_and_gives_the_same_numbers(tmp_path: Path) -> None:
    module, path = network(), tmp_path / "network.onnx"
    round_to_half(module)
    export_component(module, SIGNATURE, path)
    size_bytes = path.stat().st_size
    assert store_halves(path) == 1
    assert path.stat().st_size < 0.65 * size_bytes
    x = np.random.default_rng(0).standard_normal((1, 96)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(x)).numpy()
    for name in ("onnxruntime", "openvino"):
        engine = open_engine(name, path, SIGNATURE, "float32", 1)
        latent = engine.run(x=x)["latent"].astype(np.float32)
        np.testing.assert_allclose(latent, expected, rtol=1e-5, atol=1e-6)
        engine.close()


def test_weights_that_would_lose_something_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    export_component(network(), SIGNATURE, path)
    before = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    assert store_halves(path) == 0
    after = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
