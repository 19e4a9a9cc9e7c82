"""Whether bfloat16 is worth it here: a processor may know it and compute it slower than float32.

In: nothing. Out: yes or no, measured once a process on a convolution such as decoders are made of.
"""

import time
from functools import lru_cache
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.properties import hint, inference_num_threads

_CHANNELS, _SIDE_PX, _NUM_LAYERS = 64, 64, 2
_NUM_RUNS = 7
# bfloat16 stays where it is about as fast: it takes half of the memory, and a close race would end otherwise each time.
_SMALLEST_GAIN = 1.25


@lru_cache(maxsize=1)
def bfloat16_pays() -> bool:
    """True where bfloat16 is known to the processor and not clearly slower than float32; takes a tenth of a second."""
    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    return not is_clearly_slower(_seconds(ov.Type.bf16), _seconds(ov.Type.f32))


def is_clearly_slower(seconds: float, other_s: float) -> bool:
    """True where a form takes at least a quarter longer than another."""
    return seconds > _SMALLEST_GAIN * other_s


def _seconds(precision: Any) -> float:
    """The shortest of some runs, on one thread, so that what else the machine does matters little."""
    compiled = ov.Core().compile_model(
        _convolutions(), "CPU", {hint.inference_precision: precision, inference_num_threads: 1}
    )
    request = compiled.create_infer_request()
    picture = np.ones((1, _CHANNELS, _SIDE_PX, _SIDE_PX), np.float32)
    times = []
    for _ in range(1 + _NUM_RUNS):
        began_s = time.perf_counter()
        request.infer([picture])
        times.append(time.perf_counter() - began_s)
    return min(times[1:])


def _convolutions() -> Any:
    weights = np.full((_CHANNELS, _CHANNELS, 3, 3), 1e-3, np.float32)
    pictures = ops.parameter([1, _CHANNELS, _SIDE_PX, _SIDE_PX], ov.Type.f32)
    layer = pictures
    for _ in range(_NUM_LAYERS):
        layer = ops.convolution(layer, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])
    return ov.Model([layer], [pictures])
