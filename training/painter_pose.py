"""A head's pose: where a point of the face lies in the picture when the head turns, nods and the jaw drops.

Units: the picture's height; x to the picture's right, y down, z towards the viewer; origin in the picture's centre.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painter_identity import Identity
from training.painter_shapes import Point

NECK_PIVOT_Y = 0.31
SCALE = 1.25  # the crop of portrait preparation: the face fills the picture, the mouth has pixels
EYE_Y = -0.042
BROW_Y = -0.101
NOSE_BASE_Y = 0.062
MOUTH_Y = 0.128
CHIN_DROP = 0.08
WING_RISE = 0.012  # how far a full sneer lifts the nostrils


def smoothstep(low: float, high: float, value: float) -> float:
    """0 below low, 1 above high, smooth between."""
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return share * share * (3 - 2 * share)


@dataclass(frozen=True)
class Motion:
    """One frame's motion by name, within its ranges; see training.motion_names for units."""

    yaw: float
    pitch: float
    roll: float
    jaw: float
    lip_width: float
    lip_rounding: float
    lip_closing: float
    lip_tuck: float
    smile: float
    blink: float
    gaze_x: float
    gaze_y: float
    brow_raise: float
    brow_furrow: float
    sneer: float

    @staticmethod
    def of(motion: NDArray[np.float32]) -> "Motion":
        """motion: [15] in the order of MOTION_NAMES; values beyond a range are cut to it."""
        values = np.asarray(motion, np.float32)
        assert values.shape == (len(MOTION_NAMES),), f"motion has shape {values.shape}, expected ({len(MOTION_NAMES)},)"
        return Motion(*(float(value) for value in np.clip(values, LOWEST, HIGHEST)))


class Pose:
    """Projects points of one identity's head under one motion."""

    def __init__(self, identity: Identity, motion: Motion) -> None:
        self.identity = identity
        self.motion = motion
        self.sin_yaw, self.cos_yaw = math.sin(motion.yaw), math.cos(motion.yaw)
        self.sin_pitch, self.cos_pitch = math.sin(motion.pitch), math.cos(motion.pitch)
        self.rim_x = math.sqrt(self.cos_yaw**2 + 0.86 * self.sin_yaw**2)
        self.rim_y = math.sqrt(self.cos_pitch**2 + 0.86 * self.sin_pitch**2)
        self.chin_drop = CHIN_DROP * motion.jaw * (1 - 0.3 * motion.lip_closing) * (1 - 0.3 * motion.lip_tuck)
        self.head_x = 0.02 * self.sin_yaw + 0.02 * motion.roll
        self.head_y = -0.012 * self.sin_pitch
        self.body_x = 0.012 * motion.yaw + 0.02 * motion.roll

    def drop(self, y: float) -> float:
        """How far the jaw carries a point of the face down."""
        return self.chin_drop * smoothstep(0.02, 0.24, y)

    def surface(self, x: float, y: float) -> float:
        """The depth of the face's front at (x, y)."""
        width = 0.212 * self.identity.face_width
        return 0.168 * math.sqrt(max(0.06, 1 - (x / width) ** 2 - (y / 0.42) ** 2))

    def at(self, x: float, y: float, out: float = 0.0) -> Point:
        """A point on the face's front, `out` in front of it."""
        return self.project(x, y, self.surface(x, y) + out)

    def project(self, x: float, y: float, z: float) -> Point:
        """A point in space, before the roll of the head."""
        return (
            x * self.cos_yaw + z * self.sin_yaw + self.head_x,
            y * self.cos_pitch - z * self.sin_pitch + self.head_y,
        )

    def rim(self, x: float, y: float, z: float) -> Point:
        """A point of a silhouette, which a round head hardly foreshortens."""
        return (
            x * self.rim_x + z * self.sin_yaw + self.head_x,
            y * self.rim_y - z * self.sin_pitch + self.head_y,
        )

    def rolled(self, point: Point) -> Point:
        """A projected point after the roll about the neck."""
        sine, cosine = math.sin(self.motion.roll), math.cos(self.motion.roll)
        x, y = point[0] - self.body_x, point[1] - NECK_PIVOT_Y
        return (x * cosine - y * sine + self.body_x, x * sine + y * cosine + NECK_PIVOT_Y)
