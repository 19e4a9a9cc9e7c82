"""Landmarks lie on what they name, and are the same points in every motion."""

import numpy as np
import pytest

from training.motion_names import MOTION_NAMES
from training.painted_frames import opening_mask
from training.painter import CAST, mouth_and_eye_boxes, random_identity, random_motion
from training.painter_landmarks import landmark_weights, landmarks

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
