"""How near one picture is to another: SSIM and L1, over the whole or inside boxes.

In: pictures [height, width, 3] uint8. Out: a map, or the mean of one inside boxes.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.packets import UInt8Array

Box = tuple[int, int, int, int]

_DATA_RANGE = 255.0
_WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1, _C2 = (0.01 * _DATA_RANGE) ** 2, (0.03 * _DATA_RANGE) ** 2


def ssim_map(first: UInt8Array, second: UInt8Array) -> NDArray[np.float64]:
    """Structural similarity at each pixel, [height, width], the mean of the three channels; 1 where equal.

    After Wang et al., IEEE Transactions on Image Processing 13 (2004): Gaussian window of 11 x 11 pixels and sigma 1.5,
    K1 0.01, K2 0.03, levels of 0 to 255, population variances, edges mirrored.
    """
    assert first.shape == second.shape, f"pictures of {first.shape} and {second.shape}, expected one shape"
    a, b = first.astype(np.float64), second.astype(np.float64)
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a = _blurred(a * a) - mean_a**2
    variance_b = _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    likeness /= (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    mean: NDArray[np.float64] = likeness.mean(-1)
    return mean


def l1_map(first: UInt8Array, second: UInt8Array) -> NDArray[np.float64]:
    """Absolute difference in levels of 0 to 255 at each pixel, [height, width], the mean of the three channels."""
    mean: NDArray[np.float64] = np.abs(first.astype(np.float64) - second.astype(np.float64)).mean(-1)
    return mean


def mean_inside(values: NDArray[np.float64], boxes: Sequence[Box]) -> float:
    """Mean of a map [height, width] over the pixels that lie in any of the boxes (x0, y0, x1, y1), ends excluded."""
    inside = np.zeros(values.shape, bool)
    for x0, y0, x1, y1 in boxes:
        inside[y0:y1, x0:x1] = True
    return float(values[inside].mean())


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    size = (_WINDOW_PX, _WINDOW_PX)
    return np.asarray(cv2.GaussianBlur(values, size, _SIGMA_PX, borderType=cv2.BORDER_REFLECT), np.float64)
