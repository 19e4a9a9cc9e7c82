"""An ONNX file with YuNet's inputs and outputs that takes every patch of pure red for a face."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES = (8, 16, 32)
# The points of a face in its own size from its centre: eyes, nose, corners of the mouth.
POINTS = ((-0.2, -0.15), (0.2, -0.15), (0.0, 0.05), (-0.15, 0.25), (0.15, 0.25))


def write_yunet_like(path: Path, side_px: float = 96, nose_aside: float = 0.0) -> Path:
    """Write the model. side_px: of the box it reports; nose_aside: how far the nose lies from the middle, in sides."""
    nodes, constants, outputs = [], [], []

    def constant(name: str, array: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(array, name))
        return name

    points = [(x + (nose_aside if i == 2 else 0), y) for i, (x, y) in enumerate(POINTS)]
    for stride in STRIDES:
        # Blue, green, red: red far above the others, only where the patch is all red.
        weights = np.broadcast_to(np.array([-1, -1, 1], np.float32)[None, :, None, None], (1, 3, stride, stride))
        constant(f"weights_{stride}", (weights / (255 * stride * stride)).astype(np.float32))
        nodes.append(
            helper.make_node("Conv", ["input", f"weights_{stride}"], [f"map_{stride}"], strides=[stride, stride])
        )
        # One face for all patches: only the coarsest reports.
        factor = np.array(1 if stride == 32 else 0, np.float32)
        nodes.append(helper.make_node("Mul", [f"map_{stride}", constant(f"on_{stride}", factor)], [f"seen_{stride}"]))
        nodes.append(helper.make_node("Relu", [f"seen_{stride}"], [f"found_{stride}"]))
        rows = constant(f"rows_{stride}", np.array([1, -1, 1], np.int64))
        nodes.append(helper.make_node("Reshape", [f"found_{stride}", rows], [f"cls_{stride}"]))
        nodes.append(helper.make_node("Identity", [f"cls_{stride}"], [f"obj_{stride}"]))
        size = np.log(side_px / stride)
        box = np.array([0.5, 0.5, size, size], np.float32)
        marks = np.array([0.5 + v * side_px / stride for point in points for v in point], np.float32)
        zero = constant(f"zero_{stride}", np.zeros((1, 1, 1), np.float32))
        nodes.append(helper.make_node("Mul", [f"cls_{stride}", zero], [f"none_{stride}"]))
        for name, values in (("bbox", box), ("kps", marks)):
            fixed = constant(f"{name}_values_{stride}", values[None, None])
            nodes.append(helper.make_node("Add", [f"none_{stride}", fixed], [f"{name}_{stride}"]))
    for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        outputs += [helper.make_tensor_value_info(f"{name}_{s}", TensorProto.FLOAT, [1, None, width]) for s in STRIDES]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, None, None])
    graph = helper.make_graph(nodes, "yunet", [image], outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path
