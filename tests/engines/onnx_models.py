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


ATTENTION = EngineSignature((TensorSpec("x", (None, None, 32)),), (TensorSpec("y", (None, None, 32)),))
_NUM_HEADS = 2


def write_attention(path: Path) -> Path:
    """Attention of two heads, as exporters write it, of a sequence to itself."""
    width = 32
    shapes = {"split": [0, 0, _NUM_HEADS, width // _NUM_HEADS], "joined": [0, 0, width]}
    nodes = [
        helper.make_node("Reshape", ["x", "split"], ["heads"]),
        helper.make_node("Transpose", ["heads"], ["queries"], perm=[0, 2, 1, 3]),
        helper.make_node("Transpose", ["heads"], ["keys"], perm=[0, 2, 3, 1]),
        helper.make_node("Transpose", ["heads"], ["values"], perm=[0, 2, 1, 3]),
        helper.make_node("MatMul", ["queries", "keys"], ["likeness"]),
        helper.make_node("Softmax", ["likeness"], ["weights"], axis=-1),
        helper.make_node("MatMul", ["weights", "values"], ["attended"]),
        helper.make_node("Transpose", ["attended"], ["rows"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["rows", "joined"], ["y"]),
    ]
    constants = [numpy_helper.from_array(np.array(shape, np.int64), name) for name, shape in shapes.items()]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "time", width]) for name in "xy"]
    graph = helper.make_graph(nodes, "attention", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def expected_attention(x: np.ndarray) -> np.ndarray:
    """What it computes."""
    heads = x.astype(np.float64).reshape(*x.shape[:2], _NUM_HEADS, -1).transpose(0, 2, 1, 3)
    likeness = heads @ heads.swapaxes(2, 3)
    weights = np.exp(likeness - likeness.max(-1, keepdims=True))
    attended = weights / weights.sum(-1, keepdims=True) @ heads
    return attended.transpose(0, 2, 1, 3).reshape(x.shape)
