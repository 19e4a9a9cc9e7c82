"""Products in 8 bits: of convolutions a third of the time where the processor multiplies bytes, about the same picture.

In:  a model, constants folded; for convolutions fixed shapes and the range of each one's input
Out: the same model, inputs and weights rounded to 256 steps; OpenVINO then multiplies bytes
Weights have steps of their own for each output channel. A convolution's input has one for all of it, set once and for
good; that of a matrix has them for each row, as `ROWS_STEPS` asks, found anew in each run.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from openvino.properties import hint

from contract.errors import EngineBuildError
from contract.spec import EngineSignature
from engines.activation_ranges import Ranges
from engines.base import Array
from engines.openvino_folding import fold_constants

# Compile with it: so many numbers of a row share a step.
ROWS_STEPS = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 64}
_NUM_STEPS, _NUM_WEIGHT_STEPS = 256, 255
# Axes of a weight but for the one of output channels.
_SUMMED_AXES = {"Convolution": (1, 2, 3), "ConvolutionBackpropData": (0, 2, 3)}
# Smaller ones take little time as they are.
_SMALLEST_CHANNELS = 16
_SMALLEST_SIZE_PX = 16
_SMALLEST_MATRIX = 2**12
# What lies further out is cut off: one value in a hundred thousand would make all steps coarser.
_SHARE_OUTSIDE = 1e-5
# Of weights that are all zero.
_SMALLEST_RANGE = np.float32(1e-20)


def shorten_matrices(model: Any) -> int:
    """Keep, in place, matrices that all rows are multiplied by in 8 bits; returns how many. Compile with ROWS_STEPS."""
    fold_constants(model)
    found = [node for node in model.get_ordered_ops() if _is_by_matrix(node)]
    for node in found:
        values = node.input_value(1).get_node().get_data().astype(np.float32)
        summed_axis = 1 if node.get_attributes()["transpose_b"] else 0
        largest = np.maximum(np.abs(values).max(summed_axis, keepdims=True), _SMALLEST_RANGE)
        step = (largest / (_NUM_WEIGHT_STEPS // 2)).astype(np.float32)
        short = ops.convert(ops.constant(np.rint(values / step).astype(np.int8)), "f32")
        node.input(1).replace_source_output(ops.multiply(short, ops.constant(step)).output(0))
    return len(found)


def quantize(model: Any, ranges: Ranges) -> None:
    """Round, in place, what the named convolutions multiply.

    Raises EngineBuildError where a name is none of a convolution with constant weights.
    """
    fold_constants(model)
    nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    for name, (lowest, highest) in ranges.items():
        node = nodes.get(name)
        if node is None or not _has_constant_weights(node):
            raise EngineBuildError(f"there are ranges for {name!r}, expected a convolution of the network")
        is_up_sampling = node.get_type_name() == "ConvolutionBackpropData"
        edges = _symmetric(lowest, highest) if is_up_sampling else _with_zero_on_a_step(lowest, highest)
        node.input(0).replace_source_output(_rounded(node.input_value(0), *edges, _NUM_STEPS))
        weights = node.input_value(1)
        values = weights.get_node().get_data().astype(np.float32)
        largest = np.abs(values).max(_SUMMED_AXES[node.get_type_name()], keepdims=True)
        largest = np.maximum(largest, _SMALLEST_RANGE)
        node.input(1).replace_source_output(_rounded(weights, -largest, largest, _NUM_WEIGHT_STEPS))


def measure_ranges(
    artifact: Path, signature: EngineSignature, samples: Iterable[Mapping[str, Array]]
) -> dict[str, tuple[float, float]]:
    """What the convolutions that gain by 8 bits are given over some runs, by name.

    signature: of fixed shapes; samples: inputs by name, a run each
    Raises EngineBuildError where no convolution gains.
    """
    try:
        found, edges = _measured(artifact, signature, samples)
    except RuntimeError as error:
        raise EngineBuildError(f"OpenVINO can't measure {artifact}: {error}") from error
    return {node.get_friendly_name(): (float(low), float(high)) for node, (low, high) in zip(found, edges, strict=True)}


def _measured(
    artifact: Path, signature: EngineSignature, samples: Iterable[Mapping[str, Array]]
) -> tuple[list[Any], NDArray[np.float64]]:
    """The convolutions, and the edges [num_convolutions, 2] of what they were given."""
    core = ov.Core()
    model = core.read_model(artifact)
    model.reshape({tensor.name: list(tensor.shape) for tensor in signature.inputs})
    fold_constants(model)
    found = [node for node in model.get_ordered_ops() if _gains(node)]
    if not found:
        raise EngineBuildError(f"{artifact} has no convolution that gains by 8 bits")
    model.add_results([ops.result(node.input_value(0)) for node in found])
    request = core.compile_model(model, "CPU", {hint.inference_precision: ov.Type.f32}).create_infer_request()
    edges = np.zeros((len(found), 2))
    for sample in samples:
        request.infer(dict(sample))
        for index in range(len(found)):
            given = request.get_output_tensor(len(signature.outputs) + index).data
            low, high = np.quantile(given, (_SHARE_OUTSIDE, 1 - _SHARE_OUTSIDE))
            edges[index] = min(edges[index, 0], low), max(edges[index, 1], high)
    return found, edges


def _is_by_matrix(node: Any) -> bool:
    if node.get_type_name() != "MatMul" or node.input_value(1).get_node().get_type_name() != "Constant":
        return False
    shape = list(node.input_value(1).get_shape())
    return len(shape) == 2 and int(np.prod(shape)) >= _SMALLEST_MATRIX


def _has_constant_weights(node: Any) -> bool:
    return node.get_type_name() in _SUMMED_AXES and node.input_value(1).get_node().get_type_name() == "Constant"


def _gains(node: Any) -> bool:
    if not _has_constant_weights(node):
        return False
    weight, shape = list(node.input_value(1).get_shape()), list(node.output(0).get_shape())
    return weight[2:] == [3, 3] and min(weight[:2]) >= _SMALLEST_CHANNELS and min(shape[2:]) >= _SMALLEST_SIZE_PX


def _rounded(values: Any, lowest: Any, highest: Any, num_steps: int) -> Any:
    low, high = (ops.constant(np.asarray(edge, np.float32)) for edge in (lowest, highest))
    return ops.fake_quantize(values, low, high, low, high, num_steps).output(0)


def _with_zero_on_a_step(lowest: float, highest: float) -> tuple[float, float]:
    """The range, moved by less than a step: what is padded with zeros must stay zero."""
    low, high = min(lowest, 0.0), max(highest, 0.0)
    step = (high - low) / (_NUM_STEPS - 1)
    below = round(-low / step)
    return -below * step, (_NUM_STEPS - 1 - below) * step


def _symmetric(lowest: float, highest: float) -> tuple[float, float]:
    """About zero, as OpenVINO's up-sampling convolutions need it."""
    farthest = max(-lowest, highest)
    return -farthest, farthest * (_NUM_STEPS / 2 - 1) / (_NUM_STEPS / 2)
