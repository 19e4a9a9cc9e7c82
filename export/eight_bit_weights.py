"""A network whose large weights are kept in 8 bits, for one that is asked rarely and weighs much.

In:  an exported ONNX file
Out: the same at a fourth of its size; engines widen the weights as they multiply, and take less than half the memory

Each column of a matrix has a scale of its own; activations stay as they are.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

SMALLEST_SIZE = 2**16
_LARGEST_INTEGER = 127
_SMALLEST_SCALE = 1e-12


def store_in_8_bits(path: Path, output: Path) -> int:
    """Write a network with its large matrices in 8 bits; returns how many numbers were shortened.

    path: ONNX file whose weights are inside
    """
    model = onnx.load(path)
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer if _is_large_matrix(tensor)}
    # One that is read elsewhere as well stays as it is, and so does one that is no right-hand side.
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    num_shortened = 0
    widening = []
    for name, tensor in weights.items():
        if len(readers.get(name, [])) != 1 or readers[name][0].op_type != "MatMul" or readers[name][0].input[1] != name:
            continue
        values = numpy_helper.to_array(tensor)
        scales = np.maximum(np.abs(values).max(0) / _LARGEST_INTEGER, _SMALLEST_SCALE).astype(np.float32)
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(np.rint(values / scales).astype(np.int8), f"{name}_in_8_bits"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scales"))
        widening.append(helper.make_node("DequantizeLinear", [f"{name}_in_8_bits", f"{name}_scales"], [name], axis=1))
        num_shortened += values.size
    # Before whatever reads them.
    nodes = [*widening, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, output)
    return num_shortened


def _is_large_matrix(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2 and np.prod(tensor.dims) > SMALLEST_SIZE
