"""Which precisions pay on this processor: bfloat16, and 8 bits in convolutions.

A processor that knows bfloat16 may have no fast way to multiply it: a virtual machine without AMX was a quarter slower
in it than in float32. One that does not multiply bytes loses sums of them. So both are tried, once a process, on
convolutions such as decoders are made of.
"""

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from openvino.properties import hint, inference_num_threads

from engines.base import Precision
from engines.openvino_int8 import quantize

Trial = tuple[float, NDArray[np.float32]]  # seconds, result
_CHANNELS, _SIDE_PX, _NUM_LAYERS = 64, 64, 2
_NUM_RUNS = 7
# bfloat16 stays where it is about as fast: it takes half of the memory, and a close race would end otherwise each time.
_SMALLEST_GAIN = 1.25
# Where sums of two products do not fit into 16 bits, what comes out is a half of what should.
_LARGEST_INT8_ERROR = 0.02


@lru_cache(maxsize=1)
def bfloat16_pays() -> bool:
    """True where bfloat16 is known to the processor and not clearly slower than float32; takes a tenth of a second."""
    return _knows_bfloat16() and not is_clearly_slower(_trial("bfloat16")[0], _trial("float32")[0])


@lru_cache(maxsize=1)
def int8_pays() -> bool:
    """True where convolutions in 8 bits are clearly faster than in any other precision, and right."""
    others: tuple[Precision, ...] = ("float32", "bfloat16") if _knows_bfloat16() else ("float32",)
    return gains_by_int8({precision: _trial(precision) for precision in (*others, "int8")})


def gains_by_int8(trials: Mapping[Precision, Trial]) -> bool:
    """True where the trial in 8 bits was clearly faster than any other, and its result is that of float32."""
    seconds, result = trials["int8"]
    expected = trials["float32"][1]
    is_right = np.abs(result - expected).max() <= _LARGEST_INT8_ERROR * np.abs(expected).max()
    others = [took_s for precision, (took_s, _) in trials.items() if precision != "int8"]
    return bool(is_right) and all(is_clearly_slower(took_s, seconds) for took_s in others)


def is_clearly_slower(seconds: float, other_s: float) -> bool:
    """True where a form takes at least a quarter longer than another."""
    return seconds > _SMALLEST_GAIN * other_s


def beside_int8() -> Precision:
    """What a network computes in where it does not in 8 bits."""
    return "bfloat16" if bfloat16_pays() else "float32"


def _knows_bfloat16() -> bool:
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@lru_cache
def _trial(precision: Precision) -> Trial:
    """The shortest of some runs, on one thread, so that what else the machine does matters little; and their result."""
    compiled = ov.Core().compile_model(
        _convolutions(in_8_bits=precision == "int8"),
        "CPU",
        {
            hint.inference_precision: ov.Type.bf16 if precision == "bfloat16" else ov.Type.f32,
            inference_num_threads: 1,
        },
    )
    request = compiled.create_infer_request()
    picture = np.ones((1, _CHANNELS, _SIDE_PX, _SIDE_PX), np.float32)
    times = []
    for _ in range(1 + _NUM_RUNS):
        began_s = time.perf_counter()
        request.infer([picture])
        times.append(time.perf_counter() - began_s)
    return min(times[1:]), np.array(request.get_output_tensor(0).data, np.float32)


def _convolutions(*, in_8_bits: bool) -> Any:
    """Layers whose sums are the largest that their steps can hold."""
    weight = 1 / (9 * _CHANNELS)
    weights = np.full((_CHANNELS, _CHANNELS, 3, 3), weight, np.float32)
    pictures = ops.parameter([1, _CHANNELS, _SIDE_PX, _SIDE_PX], ov.Type.f32)
    layer = pictures
    names = []
    for _ in range(_NUM_LAYERS):
        layer = ops.convolution(layer, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])
        names.append(layer.get_friendly_name())
    model = ov.Model([layer], [pictures])
    if in_8_bits:
        quantize(model, dict.fromkeys(names, (0.0, 1.0)))
    return model
