"""Landmarks lie on what they name, and are the same points in every motion."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from training.motion_names import MOTION_NAMES
from training.painted_frames import opening_mask
from training.painter import CAST, mouth_and_eye_boxes, paint, random_identity, random_motion
from training.painter_landmarks import landmark_weights, landmarks
from training.painter_pose import BROW_Y, Motion, Pose

pytestmark = pytest.mark.system("skia")
NUM_MOUTH = 93


def motion_of(**values: float) -> np.ndarray:
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    for name, value in values.items():
        motion[MOTION_NAMES.index(name)] = value
    return motion


def test_every_person_and_motion_has_the_same_points() -> None:
    generator = np.random.default_rng(0)
    shapes = {landmarks(random_identity(generator), random_motion(generator)).shape for _ in range(20)}
    assert shapes == {(len(landmark_weights()), 2)}
    assert landmark_weights().mean() == pytest.approx(1.0, abs=1e-5)


def test_lips_lie_in_the_mouths_box() -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        identity, motion = random_identity(generator), random_motion(generator)
        (x0, y0, x1, y1), _, _ = mouth_and_eye_boxes(identity, motion, 1000)
        lips = landmarks(identity, motion)[: 4 * 13].clip(0, 1) * 1000
        assert (lips >= (x0, y0)).all() and (lips <= (x1, y1)).all()


def test_the_jaw_moves_the_lower_lip_and_leaves_the_brows() -> None:
    anna = CAST["anna"]
    moved = landmarks(anna, motion_of(jaw=1.0)) - landmarks(anna, motion_of())
    upper, lower = moved[:13], moved[39:52]
    assert lower[6, 1] > 0.1 and abs(upper[6, 1]) < 0.03
    assert np.abs(moved[-14:]).max() == 0  # the backdrop
    raised = landmarks(anna, motion_of(brow_raise=1.0)) - landmarks(anna, motion_of())
    assert raised[:, 1].min() < -0.02 and np.abs(raised[:52]).max() < 1e-6


def test_the_opening_lies_between_the_lips() -> None:
    anna = CAST["anna"]
    shut = opening_mask(landmarks(anna, motion_of(jaw=1.0, lip_closing=1.0)), 256)
    wide = opening_mask(landmarks(anna, motion_of(jaw=1.0)), 256)
    assert wide.sum() > 500 and shut.sum() < 0.1 * wide.sum()
    (x0, y0, x1, y1), _, _ = mouth_and_eye_boxes(anna, motion_of(jaw=1.0), 256)
    assert wide[y0:y1, x0:x1].sum() == wide.sum()


def test_a_sneer_lifts_nostrils_and_the_upper_lip_and_leaves_the_lower_one() -> None:
    anna = CAST["anna"]
    moved = landmarks(anna, motion_of(sneer=1.0)) - landmarks(anna, motion_of())
    upper_outer, lower_outer = moved[:13], moved[39:52]
    assert upper_outer[6, 1] < -0.005 and upper_outer[3, 1] < -0.012
    assert abs(lower_outer[6, 1]) < 0.006
    opened = opening_mask(landmarks(anna, motion_of(sneer=1.0, lip_closing=1.0)), 256)
    assert opened.sum() < 0.02 * 256 * 256


def test_points_stay_on_the_face_however_the_picture_is_cropped() -> None:
    """The same face, closer and off the middle: its points move as its picture does."""
    far = replace(CAST["anna"], zoom=1.0, shift_x=0.0, shift_y=0.0)
    near = replace(far, zoom=1.5, shift_x=0.03, shift_y=-0.02)
    motion = motion_of(yaw=0.2, roll=0.1, jaw=0.5)
    head = slice(0, NUM_MOUTH)
    expected = (landmarks(far, motion)[head] - 0.5) * 1.5 + (0.53, 0.48)
    np.testing.assert_allclose(landmarks(near, motion)[head], expected, atol=1e-5)
    for size_px in (256,):
        moved = cv2.warpAffine(
            paint(far, motion, size_px),
            np.array([[1.5, 0, -0.22 * size_px], [0, 1.5, -0.27 * size_px]]),
            (size_px,) * 2,
        )
        middle = np.s_[70:190, 70:190]
        assert np.abs(moved[middle].astype(float) - paint(near, motion, size_px)[middle]).mean() < 12


def test_points_of_the_backdrop_are_left_out_where_a_person_may_hide_them() -> None:
    near = replace(CAST["anna"], zoom=1.5)
    assert (landmarks(near, motion_of())[-14:] < 0).all()
    far = replace(CAST["anna"], zoom=0.9)
    assert (landmarks(far, motion_of())[-14:] >= 0).any()


def test_a_smile_lifts_the_cheeks_skin_and_a_furrow_draws_the_brows_skin_down() -> None:
    pose = [Pose(CAST["anna"], Motion.of(motion_of(**values))) for values in ({}, {"smile": 1.0}, {"brow_furrow": 1.0})]
    x, y = np.array([0.08, 0.03]), np.array([0.12, BROW_Y])
    rest, smiling, angry = (p.skin(x, y)[1] for p in pose)
    assert smiling[0] < rest[0] - 0.008 and abs(smiling[1] - rest[1]) < 1e-3
    assert angry[1] > rest[1] + 0.006 and abs(angry[0] - rest[0]) < 1e-4
