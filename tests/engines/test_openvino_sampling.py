"""Sampling by gathers gives what GridSample gives, and only stands in where it is the faster form."""

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from contract.spec import EngineSignature, TensorSpec
from engines.base import Precision
from engines.openvino_sampling import gather_pixels
from engines.registry import open_engine

HEIGHT, WIDTH = 24, 40
ROUNDING = {"float32": 1e-5, "bfloat16": 0.03}


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def signature(channels: int, width: int = WIDTH) -> EngineSignature:
    return EngineSignature(
        inputs=(
            TensorSpec("flow", (1, HEIGHT, width, 2)),
            TensorSpec("pixels", (1, channels, HEIGHT, width)),
        ),
        outputs=(TensorSpec("warped", (1, channels, HEIGHT, width)),),
    )


def write_model(
    path: Path, channels: int, *, width: int = WIDTH, with_base: bool = True, align_corners: int = 0
) -> Path:
    """warped = pixels sampled at base + tanh(flow), or at 2 * tanh(flow)."""
    if with_base:
        y, x = np.meshgrid(np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, width), indexing="ij")
        constant, how = np.stack([x, y], -1)[None].astype(np.float32), "Add"
    else:
        constant, how = np.array([2], np.float32), "Mul"
    nodes = [
        helper.make_node("Tanh", ["flow"], ["bent"]),
        helper.make_node(how, ["bent", "constant"], ["grid"]),
        helper.make_node(
            "GridSample",
            ["pixels", "grid"],
            ["warped"],
            mode="linear",
            padding_mode="zeros",
            align_corners=align_corners,
        ),
    ]
    tensors = signature(channels, width)
    given, gives = (
        [helper.make_tensor_value_info(t.name, TensorProto.FLOAT, t.shape) for t in side]
        for side in (tensors.inputs, tensors.outputs)
    )
    graph = helper.make_graph(nodes, "sampling", given, gives, [numpy_helper.from_array(constant, "constant")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


def inputs(channels: int) -> dict[str, np.ndarray]:
    """Flows within the map, across its edges and far outside, some of them on whole pixels."""
    rng = np.random.default_rng(0)
    flow = rng.normal(0, 0.3, (1, HEIGHT, WIDTH, 2))
    flow[:, :4] = 0
    flow[:, 4:8] = rng.normal(0, 5, (1, 4, WIDTH, 2))
    pixels = rng.standard_normal((1, channels, HEIGHT, WIDTH))
    return {"flow": flow.astype(np.float32), "pixels": pixels.astype(np.float32)}


@pytest.mark.parametrize("with_base", [True, False], ids=["base", "no base"])
@pytest.mark.parametrize("channels", [16, 37, 800])
@pytest.mark.parametrize("precision", list(ROUNDING))
def test_gathers_give_what_grid_sample_gives(
    precision: Precision, channels: int, with_base: bool, tmp_path: Path
) -> None:
    file = write_model(tmp_path / "sampling.onnx", channels, with_base=with_base)
    given = inputs(channels)
    expected = np.asarray(open_engine("onnxruntime", file, signature(channels)).run(**given)["warped"], np.float32)
    engine = open_engine("openvino", file, signature(channels), precision, num_threads=1)
    bound = engine.bind(pixels=given["pixels"])
    for got in (engine.run(**given)["warped"], bound.run(flow=given["flow"])["warped"]):
        assert got.shape == expected.shape
        assert (
            np.abs(np.subtract(got, expected, dtype=np.float32)).max()
            < ROUNDING[precision] * np.abs(given["pixels"]).max()
        )


def rewritten(file: Path, precision: Precision = "float32") -> tuple[list[str], set[str]]:
    """The inputs that become tables, and the kinds of operations that are left."""
    model = ov.Core().read_model(file)
    tables = gather_pixels(model, precision)
    return list(tables), {node.get_type_name() for node in model.get_ordered_ops()}


def test_an_input_of_many_channels_becomes_a_table(tmp_path: Path) -> None:
    tables, operations = rewritten(write_model(tmp_path / "sampling.onnx", 16))
    assert tables == ["pixels"]
    assert "Gather" in operations and "GridSample" not in operations


@pytest.mark.parametrize(("channels", "align_corners"), [(3, 0), (16, 1)], ids=["few channels", "aligned corners"])
def test_other_sampling_is_left_alone(channels: int, align_corners: int, tmp_path: Path) -> None:
    tables, operations = rewritten(write_model(tmp_path / "sampling.onnx", channels, align_corners=align_corners))
    assert tables == []
    assert "GridSample" in operations


def test_a_map_too_wide_to_count_its_pixels_in_bfloat16_is_left_alone(tmp_path: Path) -> None:
    file = write_model(tmp_path / "sampling.onnx", 16, width=257)
    assert rewritten(file, "bfloat16")[0] == []
    assert rewritten(file, "float32")[0] == ["pixels"]
