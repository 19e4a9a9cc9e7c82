"""A head's pose: where a point of the face lies in the picture when the head turns, nods and the jaw drops.

Units: the picture's height; x to the picture's right, y down, z towards the viewer; origin in the picture's centre.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painter_identity import Identity
from training.painter_shapes import Point

Floats = NDArray[np.float64]

NECK_PIVOT_Y = 0.31
SCALE = 1.25  # the crop of portrait preparation: the face fills the picture, the mouth has pixels
EYE_Y = -0.042
BROW_Y = -0.101
NOSE_BASE_Y = 0.062
MOUTH_Y = 0.128
CHIN_DROP = 0.08
WING_RISE = 0.012  # how far a full sneer lifts the nostrils


def _hill(value: Floats, middle: float, spread: float) -> Floats:
    """1 in the middle, falling as a Gaussian does."""
    hill: Floats = np.exp(-0.5 * ((value - middle) / spread) ** 2)
    return hill


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
        self.scale = SCALE * identity.zoom
        self.centre = (0.5 + identity.shift_x, 0.5 + identity.shift_y)
        self.mouth_y = MOUTH_Y + 0.010 * identity.mouth_drop

    def drop(self, y: float) -> float:
        """How far the jaw carries a point of the face down."""
        return self.chin_drop * smoothstep(0.02, 0.24, y)

    def surface(self, x: float, y: float) -> float:
        """The depth of the face's front at (x, y)."""
        width = 0.212 * self.identity.face_width
        return 0.168 * math.sqrt(max(0.06, 1 - (x / width) ** 2 - (y / 0.42) ** 2))

    def skin(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Where the face's muscles and the jaw carry points of its skin; arrays of one shape, before projection."""
        motion = self.motion
        side = np.sign(x)
        across = np.abs(x) / self.identity.face_width
        share = np.clip((y - 0.02) / 0.22, 0, 1)
        moved_x, moved_y = x, y + self.chin_drop * share * share * (3 - 2 * share)
        if motion.smile or motion.lip_width or motion.lip_rounding:
            corner = _hill(across, 0.080, 0.030) * _hill(y, self.mouth_y, 0.030)
            pull = 0.008 * motion.smile + 0.015 * motion.lip_width - 0.026 * motion.lip_rounding
            moved_x = moved_x + side * pull * corner
            cheek = _hill(across, 0.098, 0.034) * _hill(y, 0.045, 0.034) * max(0.0, motion.smile)
            moved_y = moved_y - 0.016 * motion.smile * corner - 0.011 * cheek
        if motion.sneer:
            moved_y = moved_y - WING_RISE * motion.sneer * _hill(across, 0.028, 0.020) * _hill(y, 0.058, 0.032)
        if motion.brow_raise or motion.brow_furrow:
            raised = (0.020 if motion.brow_raise > 0 else 0.011) * motion.brow_raise
            moved_y = moved_y - raised * _hill(across, 0.07, 0.06) * _hill(y, BROW_Y - 0.012, 0.034)
            inner = _hill(across, 0.030, 0.022) * _hill(y, BROW_Y, 0.026)
            moved_y = moved_y + (0.011 if motion.brow_furrow > 0 else 0.013) * motion.brow_furrow * inner
            moved_x = moved_x - side * 0.006 * max(0.0, motion.brow_furrow) * inner
        return moved_x, moved_y

    def picture(self, points: Floats) -> Floats:
        """Projected points [..., 2] in parts of the picture, 0 to 1."""
        return points * self.scale + np.array(self.centre)

    def at(self, x: float, y: float, out: float = 0.0) -> Point:
        """A point on the face's front, `out` in front of it."""
        return self.project(x, y, self.surface(x, y) + out)

    def at_many(self, x: Floats, y: Floats, out: float = 0.0) -> Floats:
        """Points on the face's front: [count, 2], as `at` gives them one by one."""
        width = 0.212 * self.identity.face_width
        z = 0.168 * np.sqrt(np.maximum(0.06, 1 - (x / width) ** 2 - (y / 0.42) ** 2)) + out
        return np.stack(
            [x * self.cos_yaw + z * self.sin_yaw + self.head_x, y * self.cos_pitch - z * self.sin_pitch + self.head_y],
            -1,
        )

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


@lru_cache(maxsize=8)
def _pose(identity: Identity, motion: Motion) -> Pose:
    return Pose(identity, motion)


def pose_of(identity: Identity, motion: NDArray[np.float32]) -> Pose:
    """The pose of a frame, kept for the picture, its landmarks and its boxes. motion: [15] float32."""
    return _pose(identity, Motion.of(motion))
