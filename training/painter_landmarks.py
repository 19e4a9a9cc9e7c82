"""Where the same points of a person lie in the pictures of two motions: the truth of the decoder's flow.

In: an Identity and motion [15]. Out: points in a fixed order, so that row i of two motions is the same point.
"""

import math

import numpy as np
from numpy.typing import NDArray

from training.motion_names import MOTION_NAMES
from training.painter_eyes import brow_points, eye_shape
from training.painter_face import face_points
from training.painter_identity import Identity
from training.painter_mouth import mouth_shape
from training.painter_pose import NOSE_BASE_Y, WING_RISE, Pose, pose_of
from training.painter_shapes import Point

_ROW = 13  # points of each of the lips' four outlines, which come first
_MOUTH_WEIGHT, _EYE_WEIGHT, _SKIN_WEIGHT, _STILL_WEIGHT = 3.0, 2.0, 1.0, 1.0


def landmarks(identity: Identity, motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points in the picture: [num_landmarks, 2] float32, x and y from 0 to 1; some may lie outside.

    motion: [15] float32
    """
    pose = pose_of(identity, motion)
    head = [pose.rolled(point) for group in (_mouth(pose), _eyes(pose), _skin(pose)) for point in group]
    points = pose.picture(np.array([*head, *_shoulders(pose)]))
    return np.concatenate([points, _backdrop(pose)]).astype(np.float32)


def mouth_opening(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outline of the hole between the lips: [26, 2] float32, 0 to 1. points: of `landmarks`."""
    upper, lower = points[_ROW : 2 * _ROW], points[2 * _ROW : 3 * _ROW]
    return np.concatenate([upper, lower[::-1]])


def landmark_weights() -> NDArray[np.float32]:
    """How much each landmark counts: [num_landmarks] float32 of mean 1."""
    pose = pose_of(_anybody(), np.zeros(len(MOTION_NAMES), np.float32))
    counts = ((_MOUTH_WEIGHT, len(_mouth(pose))), (_EYE_WEIGHT, len(_eyes(pose))), (_SKIN_WEIGHT, len(_skin(pose))))
    still = len(_shoulders(pose)) + len(_backdrop(pose))
    weights = np.concatenate([*(np.full(count, weight) for weight, count in counts), np.full(still, _STILL_WEIGHT)])
    return (weights / weights.mean()).astype(np.float32)


def _anybody() -> Identity:
    from training.painter_identity import random_identity

    return random_identity(np.random.default_rng(0))


def _between(first: list[Point], second: list[Point]) -> list[Point]:
    return [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(first, second, strict=True)]


def _mouth(pose: Pose) -> list[Point]:
    """The lips' four outlines, the flesh of each lip, and the skin above and below."""
    shape = mouth_shape(pose)
    upper, lower = shape.upper_outer, shape.lower_outer
    chin = [pose.at(x * 0.03, 0.205 + pose.drop(0.205)) for x in range(-2, 3)]
    below = _between(lower[1:-1:2][:5], chin)
    above = [pose.at(x * 0.025, (shape.upper_y + NOSE_BASE_Y) / 2, 0.01) for x in range(-2, 3)]
    return [
        *upper, *shape.upper_inner, *shape.lower_inner, *lower,
        *_between(upper, shape.upper_inner), *_between(lower, shape.lower_inner), *above, *below, *chin,
    ]  # fmt: skip


def _eyes(pose: Pose) -> list[Point]:
    """Lids, creases and brows of both eyes."""
    points: list[Point] = []
    for side in (-1, 1):
        eye = eye_shape(pose, side)
        brow = [pose.at(x, y, 0.006) for x, y, _ in brow_points(pose, side)]
        points += [*eye.upper, *eye.lower, *eye.crease, *_between(eye.upper, eye.crease), *brow]
    return points


def _skin(pose: Pose) -> list[Point]:
    """Forehead, cheeks, nose, the face's outline and the skull's."""
    wide = pose.identity.face_width
    spots = [
        (x * wide, y)
        for y in (-0.2, -0.15, -0.115, 0.0, 0.04, 0.08, 0.12, 0.16)
        for x in (-0.14, -0.1, -0.055, 0.0, 0.055, 0.1, 0.14)
        if y < 0.1 or abs(x) > 0.09
    ]
    x, y = np.array(spots).T
    cheeks = [pose.at(*point) for point in zip(*(v.tolist() for v in pose.skin(x, y)), strict=True)]
    wing_y = NOSE_BASE_Y - WING_RISE * pose.motion.sneer
    nose = [pose.at(x, y, 0.03) for x, y in ((-0.028, wing_y), (0.028, wing_y))]
    nose += [pose.at(0, NOSE_BASE_Y + y - 0.5 * WING_RISE * pose.motion.sneer, 0.03) for y in (0.0, -0.04)]
    angles = [math.pi * (1 + step / 10) for step in range(11)]
    skull = [pose.rim(0.2 * wide * math.cos(angle), -0.085 + 0.215 * math.sin(angle), -0.03) for angle in angles]
    return [*cheeks, *nose, *face_points(pose), *skull]


def _shoulders(pose: Pose) -> list[Point]:
    return [(pose.body_x + x, y) for x, y in ((-0.3, 0.42), (-0.2, 0.40), (0.2, 0.40), (0.3, 0.42))]


def _backdrop(pose: Pose) -> NDArray[np.float64]:
    """Points of the picture's edge, which never move; outside the picture where hair or shoulders may hide them."""
    sides = [(x, y) for x in (0.02, 0.98) for y in (0.03, 0.15, 0.3, 0.45, 0.6, 0.75)]
    points = np.array([*sides, (0.2, 0.02), (0.8, 0.02)])
    x, y = ((points - pose.centre) / pose.scale).T
    hidden = (y > 0.32) | ((np.abs(x) < 0.33) & (y > -0.38))
    return np.where(hidden[:, None], -1.0, points)
