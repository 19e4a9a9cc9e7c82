"""Anchors: points of a face that its picture hangs on, where the painter puts them in a frame.

In:  an Identity and motion [15]
Out: points in a fixed order: those that a reader of faces reads, the irises, then what only shows as a face moves

Of the first `NUM_TRACKED` the same spot lies in the portrait too, so a warp can be held to it. The others, edges of
teeth, the tongue, lines of frowns and smiles, are where something is painted that a portrait need not have.
"""

import numpy as np
from numpy.typing import NDArray

from models.face_reader import NUM_SHAPE_POINTS
from training.painter_eyes import iris_middle
from training.painter_identity import Identity
from training.painter_landmarks import landmarks
from training.painter_mouth import TEETH_SHARES, mouth_shape, smile_fold, teeth_edges, tongue_outline
from training.painter_pose import Pose, pose_of
from training.painter_shapes import Point

_TOOTH_PLACES = (-0.76, -0.60, -0.425, -0.235, 0.0, 0.235, 0.425, 0.60, 0.76)
# Where the head's skin shows lines: between the brows, across the forehead and the nose, beneath the eyes.
_LINES = (
    *((side * x, y, out) for side in (-1, 1) for x, y, out in ((0.0135, -0.120, 0.004), (0.0105, -0.102, 0.008))),
    *((side * 0.0120, -0.083, 0.010) for side in (-1, 1)),
    *((x, y, 0.002) for y in (-0.150, -0.168, -0.186) for x in (-0.05, 0.0, 0.05)),
    *((0.0, y, 0.030) for y in (-0.058, -0.029)),
    *((side * 0.018, -0.036, 0.018) for side in (-1, 1)),
    *((side * x, y, 0.0) for side in (-1, 1) for x, y in ((0.065, -0.005), (0.083, -0.003))),
)


def anchors(identity: Identity, motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points in the picture: [NUM_ANCHORS, 2] float32, x and y from 0 to 1. motion: [15] float32."""
    pose = pose_of(identity, motion)
    points = [iris_middle(pose, side) for side in (-1, 1)]
    points += _inside_mouth(pose)
    points += [point for side in (-1, 1) for point in smile_fold(pose, side)]
    points += [pose.at(*line) for line in _LINES]
    painted = pose.picture(np.array([pose.rolled(point) for point in points]))
    return np.concatenate([landmarks(identity, motion)[:NUM_SHAPE_POINTS], painted]).astype(np.float32)


def _inside_mouth(pose: Pose) -> list[Point]:
    """The teeth's edges where one tooth meets the next, and the tongue's top and sides."""
    shape = mouth_shape(pose)
    upper_y, lower_y = teeth_edges(shape)
    points = [
        shape.at(TEETH_SHARES[row] * shape.half_width * place, y)
        for row, y in enumerate((upper_y, lower_y))
        for place in _TOOTH_PLACES
    ]
    return [*points, *tongue_outline(shape)]
