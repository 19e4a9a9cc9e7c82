"""Names and ranges of motion: what the painter draws, speech drives, and the first basis directions mean.

Every value is in the units below; `to_coefficients` brings all to about unit spread, which is what the networks see.
"""

import numpy as np
from numpy.typing import NDArray

# name: (typical spread, lowest, highest, meaning)
MOTION = {
    "yaw": (0.22, -0.6, 0.6, "radians, head turned to the picture's right is positive"),
    "pitch": (0.14, -0.4, 0.4, "radians, nose up is positive"),
    "roll": (0.12, -0.4, 0.4, "radians, clockwise in the picture is positive"),
    "jaw": (0.30, 0.0, 1.0, "0 teeth together, 1 wide open"),
    "lip_width": (0.30, -1.0, 1.0, "1 corners drawn apart as in 'ee', -1 drawn together"),
    "lip_rounding": (0.30, 0.0, 1.0, "1 lips rounded and pushed forward as in 'oo'"),
    "lip_closing": (0.35, 0.0, 1.0, "1 lips pressed together whatever the jaw does, as for p, b, m"),
    "lip_tuck": (0.25, 0.0, 1.0, "1 lower lip under the upper teeth, as for f, v"),
    "smile": (0.40, -1.0, 1.0, "1 corners up, -1 corners down"),
    "blink": (0.40, -0.4, 1.0, "0 open, 1 both lids shut, below 0 wide open"),
    "gaze_x": (0.40, -1.0, 1.0, "1 looks to the picture's right"),
    "gaze_y": (0.30, -1.0, 1.0, "1 looks up"),
    "brow_raise": (0.40, -1.0, 1.0, "1 brows high, -1 low"),
    "brow_furrow": (0.40, -1.0, 1.0, "1 inner ends down and together (anger), -1 inner ends up (sorrow)"),
    "sneer": (0.30, 0.0, 1.0, "1 nose wrinkled, nostrils and upper lip raised (disgust)"),
}
MOTION_NAMES = tuple(MOTION)
SPREAD = np.array([MOTION[name][0] for name in MOTION_NAMES], np.float32)
LOWEST = np.array([MOTION[name][1] for name in MOTION_NAMES], np.float32)
HIGHEST = np.array([MOTION[name][2] for name in MOTION_NAMES], np.float32)


def to_coefficients(motion: NDArray[np.float32], num_motion_directions: int) -> NDArray[np.float32]:
    """Motion in its own units [..., 15] to basis coefficients [..., num_motion_directions], the rest zero."""
    coefficients = np.zeros((*motion.shape[:-1], num_motion_directions), np.float32)
    coefficients[..., : len(MOTION_NAMES)] = motion / SPREAD
    return coefficients


def from_coefficients(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse: [..., >= 15] to motion in its own units [..., 15]."""
    return coefficients[..., : len(MOTION_NAMES)] * SPREAD
