"""Small ONNX models made on the spot, in the shape of a component: inputs with free batch and length, two outputs."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from contract.spec import EngineSignature, TensorSpec

WIDTH = 4
WEIGHT = np.arange(WIDTH * WIDTH, dtype=np.float32).reshape(WIDTH, WIDTH) / 8 - 1

SIGNATURE = EngineSignature(
    inputs=(
        TensorSpec("motion", (None, None, WIDTH)),
        TensorSpec("echo", (None, None, WIDTH)),
        TensorSpec("offset", (None, WIDTH)),
    ),
    outputs=(TensorSpec("moved", (None, None, WIDTH)), TensorSpec("total", (None, WIDTH))),
)


def write_model(path: Path, last_axis: int | str = WIDTH, element: int = TensorProto.FLOAT) -> Path:
    """moved = motion @ WEIGHT + echo + offset, total = sum of moved over time."""
    weight = numpy_helper.from_array(WEIGHT.astype(helper.tensor_dtype_to_np_dtype(element)), "weight")
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    nodes = [
        helper.make_node("MatMul", ["motion", "weight"], ["turned"]),
        helper.make_node("Unsqueeze", ["offset", "axis"], ["offset_in_time"]),
        helper.make_node("Add", ["turned", "echo"], ["echoed"]),
        helper.make_node("Add", ["echoed", "offset_in_time"], ["moved"]),
        helper.make_node("ReduceSum", ["moved", "axis"], ["total"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "component",
        [
            helper.make_tensor_value_info("motion", element, ["batch", "time", last_axis]),
            helper.make_tensor_value_info("echo", element, ["batch", "time", WIDTH]),
            helper.make_tensor_value_info("offset", element, ["batch", WIDTH]),
        ],
        [
            helper.make_tensor_value_info("moved", element, ["batch", "time", WIDTH]),
            helper.make_tensor_value_info("total", element, ["batch", WIDTH]),
        ],
        [weight, axis],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def expected_outputs(motion: np.ndarray, echo: np.ndarray, offset: np.ndarray) -> dict[str, np.ndarray]:
    """What the model computes."""
    moved = motion @ WEIGHT + echo + offset[:, None]
    return {"moved": moved, "total": moved.sum(axis=1)}
