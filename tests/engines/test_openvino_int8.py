"""Products in 8 bits: nearly the same numbers, by their ranges, and only where a network says so."""

import json
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper
from openvino import opset13 as ops

from contract.errors import EngineBuildError
from contract.spec import EngineSignature, TensorSpec
from engines.activation_ranges import ranges_path, read_ranges, write_ranges
from engines.base import Precision
from engines.openvino_int8 import ROWS_STEPS, quantize, shorten_matrices
from engines.registry import measure_ranges, open_engine

CHANNELS, SIDE_PX = 32, 24
SIGNATURE = EngineSignature(
    (TensorSpec("x", (1, CHANNELS, SIDE_PX, SIDE_PX)),),
    (TensorSpec("y", (1, CHANNELS, 2 * SIDE_PX + 1, 2 * SIDE_PX + 1)),),
)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.uniform(-1, 3, (1, CHANNELS, SIDE_PX, SIDE_PX)).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution and an up-sampling one, and one of few channels, which gains nothing."""
    weights = {
        "same": GENERATOR.standard_normal((CHANNELS, CHANNELS, 3, 3)),
        "doubling": GENERATOR.standard_normal((CHANNELS, CHANNELS, 3, 3)),
        "point": np.eye(CHANNELS).reshape(CHANNELS, CHANNELS, 1, 1),
    }
    nodes = [
        helper.make_node("Conv", ["x", "same"], ["a"], name="same_size", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("ConvTranspose", ["b", "doubling"], ["c"], name="up_sampling", strides=[2, 2]),
        helper.make_node("Conv", ["c", "point"], ["y"], name="pointwise"),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(SIGNATURE.inputs[0].shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(SIGNATURE.outputs[0].shape))],
        [numpy_helper.from_array((each / 17).astype(np.float32), name) for name, each in weights.items()],
    )
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def outputs(path: Path, precision: Precision) -> np.ndarray:
    engine = open_engine("openvino", path, SIGNATURE, precision, 1)
    y = np.asarray(engine.run(x=X)["y"], np.float32)
    engine.close()
    return y


def test_ranges_are_those_of_what_convolutions_are_given(network: Path) -> None:
    ranges = measure_ranges(network, SIGNATURE, [{"x": X}, {"x": X / 2}])
    assert set(ranges) == {"same_size", "up_sampling"}
    assert ranges["same_size"] == pytest.approx((X.min(), X.max()), abs=0.01)
    assert ranges["up_sampling"][0] == 0 and ranges["up_sampling"][1] > 1


def test_a_network_in_8_bits_gives_nearly_its_numbers_and_needs_its_ranges(network: Path) -> None:
    write_ranges(network, measure_ranges(network, SIGNATURE, [{"x": X}]))
    exact, short = outputs(network, "float32"), outputs(network, "int8")
    difference = np.abs(short - exact)
    assert 0 < difference.mean() < 0.02 * exact.std() and difference.max() < 0.1 * exact.std()
    # By ranges that are too narrow what lies beyond is cut off: they are used, and no older model is in their place.
    write_ranges(network, {"same_size": (-0.1, 0.1), "up_sampling": (0.0, 0.1)})
    assert np.abs(outputs(network, "int8") - exact).mean() > 0.3 * exact.std()


def test_a_backend_without_8_bits_takes_float32(network: Path) -> None:
    engine = open_engine("onnxruntime", network, SIGNATURE, "int8", 1)
    assert np.abs(engine.run(x=X)["y"] - outputs(network, "float32")).max() < 1e-4


def test_bytes_are_what_is_multiplied(network: Path) -> None:
    model = ov.Core().read_model(network)
    quantize(model, {"same_size": (-1.0, 3.0), "up_sampling": (0.0, 5.0)})
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = {
        node.get_friendly_name(): node.get_rt_info()["runtimePrecision"].astype(str)
        for node in compiled.get_runtime_model().get_ops()
    }
    assert kinds["same_size"] in ("u8", "i8") and kinds["up_sampling"] in ("u8", "i8")


@pytest.mark.parametrize("name", ["nobody", "x"])
def test_ranges_of_what_is_no_convolution_are_refused(network: Path, name: str) -> None:
    with pytest.raises(EngineBuildError, match=f"ranges for '{name}', expected a convolution"):
        quantize(ov.Core().read_model(network), {name: (0.0, 1.0)})


def test_a_network_without_wide_convolutions_has_nothing_to_measure(network: Path, tmp_path: Path) -> None:
    x = ops.parameter([1, 4, 32, 32], np.float32, name="x")
    y = ops.convolution(x, ops.constant(np.ones((4, 4, 3, 3), np.float32)), [1, 1], [1, 1], [1, 1], [1, 1])
    ov.save_model(ov.Model([y], [x]), tmp_path / "narrow.xml")
    narrow = EngineSignature((TensorSpec("x", (1, 4, 32, 32)),), (TensorSpec("y", (1, 4, 32, 32)),))
    with pytest.raises(EngineBuildError, match="no convolution that gains by 8 bits"):
        measure_ranges(tmp_path / "narrow.xml", narrow, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[]", "expected the ranges of at least one convolution"),
        ("{}", "expected the ranges of at least one convolution"),
        ('{"a": 3}', r"a has 3, expected two numbers"),
        ('{"a": [1, 0]}', "expected two numbers, the lower one first"),
        ('{"a": [0, NaN]}', "expected two numbers"),
        ('{"a": [0, true]}', "expected two numbers"),
    ],
)
def test_damaged_ranges_are_refused(tmp_path: Path, text: str, message: str) -> None:
    artifact = tmp_path / "network.onnx"
    ranges_path(artifact).write_text(text)
    with pytest.raises(EngineBuildError, match=message):
        read_ranges(artifact)


def test_ranges_come_back_as_they_were_written(tmp_path: Path) -> None:
    artifact = tmp_path / "network.onnx"
    with pytest.raises(EngineBuildError, match=r"network\.ranges\.json can't be read"):
        read_ranges(artifact)
    assert write_ranges(artifact, {"a": (-1.5, 2.25)}) == tmp_path / "network.ranges.json"
    assert (
        read_ranges(artifact)
        == {"a": (-1.5, 2.25)}
        == {k: tuple(v) for k, v in json.loads((tmp_path / "network.ranges.json").read_text()).items()}
    )


@pytest.mark.parametrize("transpose", [False, True])
def test_rows_by_matrices_in_8_bits_are_nearly_the_same(transpose: bool) -> None:
    weight = GENERATOR.standard_normal((256, 128) if not transpose else (128, 256)).astype(np.float32)

    def model() -> ov.Model:
        x = ops.parameter([1, -1, 256], np.float32, name="x")
        return ov.Model([ops.matmul(x, ops.constant(weight), False, transpose)], [x])

    short = model()
    assert shorten_matrices(short) == 1
    x = GENERATOR.standard_normal((1, 12, 256)).astype(np.float32)
    exact = ov.Core().compile_model(model(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([x])[0]
    given = ov.Core().compile_model(short, "CPU", {"INFERENCE_PRECISION_HINT": "f32", **ROWS_STEPS})([x])[0]
    whole_rows = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
    assert (given != ov.Core().compile_model(short, "CPU", whole_rows)([x])[0]).any(), "rows are shortened as well"
    assert 0 < np.abs(given - exact).mean() < 0.01 * exact.std() and np.abs(given - exact).max() < 0.06 * exact.std()


def test_small_matrices_stay_as_they_are() -> None:
    x = ops.parameter([1, -1, 32], np.float32, name="x")
    assert (
        shorten_matrices(ov.Model([ops.matmul(x, ops.constant(np.ones((32, 8), np.float32)), False, False)], [x])) == 0
    )
