"""Anchors lie on what they name: lips, lids and skin as the landmarks, irises, edges of teeth, lines of the skin."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.face_anchors import NUM_ANCHORS, NUM_TRACKED
from models.face_reader import NUM_SHAPE_POINTS
from training.motion_names import MOTION_NAMES
from training.painter import CAST, Identity, paint, random_identity, random_motion
from training.painter_anchors import anchors
from training.painter_landmarks import landmarks, mouth_opening

pytestmark = pytest.mark.system("skia")

Points = NDArray[np.float32]

IRISES = slice(NUM_SHAPE_POINTS, NUM_TRACKED)
UPPER_TEETH, LOWER_TEETH = slice(NUM_TRACKED, NUM_TRACKED + 9), slice(NUM_TRACKED + 9, NUM_TRACKED + 18)
TONGUE = slice(NUM_TRACKED + 18, NUM_TRACKED + 21)
FOLDS = slice(NUM_TRACKED + 21, NUM_TRACKED + 29)
LINES = slice(NUM_TRACKED + 29, NUM_ANCHORS)
# Upper and lower lid of either eye, from the nose's side outwards; the middle of the lips' inner outlines.
LIDS = ((slice(93, 100), slice(100, 107)), (slice(126, 133), slice(133, 140)))
UPPER_LIP, LOWER_LIP = 13 + 6, 26 + 6


def motion_of(**values: float) -> NDArray[np.float32]:
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    for name, value in values.items():
        motion[MOTION_NAMES.index(name)] = value
    return motion


def people(count: int) -> list[Identity]:
    generator = np.random.default_rng(4)
    return [random_identity(generator) for _ in range(count)]


def is_inside(point: Points, outline: Points) -> bool:
    """Whether a point lies within a closed outline [N, 2]."""
    place = (float(point[0]) * 1000, float(point[1]) * 1000)
    return cv2.pointPolygonTest((outline * 1000).astype(np.float32)[:, None], place, False) > 0


def test_every_person_and_motion_has_the_same_points_the_first_of_which_are_landmarks() -> None:
    generator = np.random.default_rng(0)
    for _ in range(10):
        identity, motion = random_identity(generator), random_motion(generator)
        found = anchors(identity, motion)
        assert found.shape == (NUM_ANCHORS, 2) and found.dtype == np.float32
        np.testing.assert_array_equal(found[:NUM_SHAPE_POINTS], landmarks(identity, motion)[:NUM_SHAPE_POINTS])
        assert np.isfinite(found).all()
    assert LINES.stop - LINES.start == 23


def test_the_same_arguments_give_the_same_points_and_others_give_others() -> None:
    anna, ben = people(2)
    motion = motion_of(jaw=0.3, yaw=0.1)
    found = anchors(anna, motion)
    np.testing.assert_array_equal(anchors(anna, motion.copy()), found)
    assert np.abs(anchors(ben, motion) - found).max() > 1e-3
    assert np.abs(anchors(anna, motion_of(jaw=0.3)) - found).max() > 1e-3


def test_who_looks_straight_has_irises_between_the_lids() -> None:
    for identity in people(10):
        found = anchors(identity, motion_of())
        for iris, (upper, lower) in zip(found[IRISES], LIDS, strict=True):
            assert is_inside(iris, np.concatenate([found[upper], found[lower][::-1]]))
        left, right = found[IRISES]
        assert right[0] - left[0] > 0.1


def test_irises_go_where_one_looks() -> None:
    for identity in people(4):
        straight = anchors(identity, motion_of())
        for name, axis, sign in (("gaze_x", 0, 1), ("gaze_y", 1, -1)):
            for value in (-1.0, 1.0):
                moved = (anchors(identity, motion_of(**{name: value})) - straight)[IRISES]
                assert (sign * value * moved[:, axis] > 0.008).all()
                assert (np.abs(moved[:, 1 - axis]) < 0.002).all()
        # Nothing else looks away.
        aside = anchors(identity, motion_of(gaze_x=1.0)) - straight
        assert np.abs(np.delete(aside, IRISES, 0)).max() < 1e-6


def test_an_iris_is_painted_where_its_anchor_lies() -> None:
    size_px = 512
    for gaze in ({"gaze_x": 0.6}, {"gaze_x": -0.6}, {"gaze_y": 0.5}):
        motion = motion_of(blink=-0.3, **gaze)
        picture = paint(replace(CAST["anna"], has_glasses=False), motion, size_px).astype(float).mean(-1)
        for x, y in anchors(CAST["anna"], motion)[IRISES] * size_px:
            pupil = picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]
            around = picture[int(y) - 3 : int(y) + 4, int(x) - 30 : int(x) + 31]
            assert pupil.mean() < 60 < 150 < around.max()


def test_behind_an_open_mouths_lips_lie_the_teeths_edges_the_upper_ones_above() -> None:
    for identity in people(10):
        for jaw in (0.5, 1.0):
            found = anchors(identity, motion_of(jaw=jaw))
            top, bottom = found[UPPER_LIP, 1], found[LOWER_LIP, 1]
            upper, lower = found[UPPER_TEETH], found[LOWER_TEETH]
            assert top + 0.01 < upper[4, 1] < lower[4, 1] <= bottom + 1e-4
            assert upper[4, 1] < (top + bottom) / 2
            hole = mouth_opening(found)
            assert all(is_inside(point, hole) for point in upper[2:7])
            # From the picture's left to its right, evenly about the middle.
            assert (np.diff(upper[:, 0]) > 0).all() and (np.diff(lower[:, 0]) > 0).all()
            np.testing.assert_allclose(upper[:, 0] + upper[::-1, 0], 2 * upper[4, 0], atol=1e-3)
            # The tongue lies low in the mouth.
            assert (found[TONGUE, 1] > upper[4, 1]).all()
            assert found[TONGUE][1, 0] < found[TONGUE][0, 0] < found[TONGUE][2, 0]


def test_teeth_are_painted_above_their_edge_and_the_dark_below() -> None:
    size_px = 512
    motion = motion_of(jaw=0.9)
    for person in CAST.values():
        picture = paint(person, motion, size_px).astype(float).mean(-1)
        for x, y in anchors(person, motion)[UPPER_TEETH][3:6] * size_px:
            teeth, below = (picture[int(y) + row, int(x) - 3 : int(x) + 4].mean() for row in (-8, 8))
            assert teeth > below + 50


def test_a_smile_draws_the_folds_apart_and_the_jaw_carries_the_lower_teeth() -> None:
    for identity in people(4):
        rest = anchors(identity, motion_of())
        folds = (anchors(identity, motion_of(smile=1.0)) - rest)[FOLDS]
        left, right = folds[:4, 0], folds[4:, 0]
        assert (left[1:] < -0.005).all() and (right[1:] > 0.005).all()
        np.testing.assert_allclose(left, -right, atol=1e-3)
        opened = anchors(identity, motion_of(jaw=1.0)) - anchors(identity, motion_of(jaw=0.5))
        assert (opened[LOWER_TEETH, 1] > 0.02).all() and (opened[LOWER_TEETH, 1] > opened[UPPER_TEETH, 1]).all()


def test_all_anchors_go_with_the_head_and_stay_in_the_face_however_the_picture_is_cropped() -> None:
    far = replace(CAST["anna"], zoom=1.0, shift_x=0.0, shift_y=0.0)
    near = replace(far, zoom=1.5, shift_x=0.03, shift_y=-0.02)
    motion = motion_of(yaw=0.2, roll=0.1, jaw=0.5)
    expected = (anchors(far, motion) - 0.5) * 1.5 + (0.53, 0.48)
    np.testing.assert_allclose(anchors(near, motion), expected, atol=1e-5)
    own = slice(NUM_SHAPE_POINTS, NUM_ANCHORS)
    turned = (anchors(far, motion_of(yaw=0.4)) - anchors(far, motion_of()))[own]
    assert (turned[:, 0] > 0.01).all()
    leaned = (anchors(far, motion_of(roll=0.3)) - anchors(far, motion_of()))[own]
    assert (leaned[:, 0] > 0.01).all()
