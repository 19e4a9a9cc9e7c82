"""Weights of an ONNX file that are float16 already are stored as such: half the size, the same numbers.

In:  an ONNX file
Out: the same file, with a cast behind each weight that was stored in half its size; engines fold it when they open
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

_FEWEST_VALUES = 4096


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round the matrices of a network's plain linear layers to float16's values, in place; they stay float32."""
    for part in module.modules():
        if isinstance(part, nn.Linear) and part.weight.numel() >= _FEWEST_VALUES:
            part.weight.copy_(part.weight.half().float())


def store_halves(path: Path) -> int:
    """Store every large float32 weight whose values float16 holds exactly as float16; returns how many they are."""
    model = onnx.load(path)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _FEWEST_VALUES:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    for number, node in enumerate(casts):
        graph.node.insert(number, node)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return len(casts)
