"""Winograd's convolution is the convolution, to rounding, and is used where it gains."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from engines.openvino_winograd import multiply_tiles

CHANNELS = 256


def convolution(height_px: int, width_px: int, channels: int = CHANNELS, stride: int = 1) -> ov.Model:
    weight = np.random.default_rng(0).standard_normal((channels, channels, 3, 3)) / np.sqrt(9 * channels)
    x = ops.parameter([1, channels, height_px, width_px], np.float32, name="x")
    kernel = ops.constant(weight.astype(np.float32))
    y = ops.convolution(x, kernel, [stride, stride], [1, 1], [1, 1], [1, 1])
    return ov.Model([y], [x], "convolution")


def run(model: ov.Model, x: np.ndarray) -> np.ndarray:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    return compiled([x])[0]


@pytest.mark.parametrize(("height_px", "width_px"), [(16, 16), (16, 24), (64, 32)])
def test_tiles_give_the_convolution(height_px: int, width_px: int) -> None:
    x = np.random.default_rng(1).standard_normal((1, CHANNELS, height_px, width_px)).astype(np.float32)
    expected = run(convolution(height_px, width_px), x)
    model = convolution(height_px, width_px)
    assert multiply_tiles(model) == 1
    assert "Convolution" not in {node.get_type_name() for node in model.get_ordered_ops()}
    # Rounding of numbers of unit spread, some ten times that of the plain form.
    assert np.abs(run(model, x) - expected).max() < 2e-4


@pytest.mark.parametrize(
    "model",
    [
        convolution(16, 16, channels=128),
        convolution(128, 16),
        convolution(16, 18),
        convolution(8, 8),
        convolution(32, 32, stride=2),
    ],
    ids=["few channels", "large map", "no whole tiles", "small map", "stride"],
)
def test_other_convolutions_are_left_alone(model: ov.Model) -> None:
    assert multiply_tiles(model) == 0
