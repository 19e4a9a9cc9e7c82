"""Whether drawn motion jumps where one window ends and the next begins.

In: motion, a row a frame, from a stream's start. Out: speeds over the seams beside speeds inside the windows.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
Float64Array = NDArray[np.float64]
_LEAST_SPEED = 1e-6


def speeds(motion: FloatArray) -> Float64Array:
    """Distance from each frame's motion to the next one's, [num_frames - 1]. motion: [num_frames, directions]."""
    distances: Float64Array = np.linalg.norm(np.diff(motion.astype(np.float64), axis=0), axis=1)
    return distances


def split_at_seams(values: Float64Array, hop_frames: int, first_frame: int = 0) -> tuple[Float64Array, Float64Array]:
    """Speeds over the seams between windows, and speeds inside them.

    values: of `speeds`, from a stream's start; those before `first_frame` are left out
    """
    is_seam = (np.arange(len(values)) + 1) % hop_frames == 0
    return values[first_frame:][is_seam[first_frame:]], values[first_frame:][~is_seam[first_frame:]]


def seam_ratio(at_seams: Float64Array, inside: Float64Array) -> float:
    """Median speed over seams against that inside windows: 1 where nobody could tell the seams."""
    return float(np.median(at_seams) / max(float(np.median(inside)), _LEAST_SPEED))
