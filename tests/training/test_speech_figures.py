"""Figures of motion, on motion whose figures are known."""

import numpy as np
import pytest

from contract.spec import EMOTIONS
from training.behaviour import held_offsets
from training.motion_names import MOTION_NAMES
from training.speech_figures import (
    blinks_per_minute,
    closed_share,
    closures,
    head_spread,
    seam_ratio,
    seen_emotion,
)

COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}


def still(num_frames: int = 250) -> np.ndarray:
    return np.zeros((num_frames, len(MOTION_NAMES)), np.float32)


def test_blinks_are_counted_once_each():
    motion = still()
    for start in (20, 90, 91, 200):
        motion[start : start + 3, COLUMN["blink"]] = 1.0
    assert blinks_per_minute(motion) == pytest.approx(3 * 6)
    assert blinks_per_minute(still()) == 0


def test_closures_count_p_b_and_m_alone():
    motion = still()
    motion[5, COLUMN["lip_closing"]] = 0.9
    phones = (("p", 0.19, 0.25), ("a", 0.25, 0.5), ("m", 1.0, 1.1), ("_", 1.1, 2.0), ("b", 11.0, 11.2))
    assert closures(motion, phones) == (1, 2)


def test_a_jump_at_each_seam_shows():
    steps = np.ones(199)
    even = still(200)
    even[1:, 0] = np.cumsum(steps) * 0.001
    assert seam_ratio(even, 5) == pytest.approx(1.0, rel=1e-3)
    steps[4::5] = 3.0
    jumping = still(200)
    jumping[1:, 0] = np.cumsum(steps) * 0.001
    assert seam_ratio(jumping, 5) == pytest.approx(3.0, rel=1e-3)


def test_head_and_rest():
    motion = still()
    motion[::2, 0] = 0.2
    motion[:50, COLUMN["jaw"]] = 0.5
    assert head_spread(motion) == pytest.approx(0.1)
    assert closed_share(motion) == pytest.approx(0.8)


@pytest.mark.parametrize("emotion", range(len(EMOTIONS)))
def test_a_held_face_is_seen_through_blinks_and_noise(emotion: int):
    motion = still() + held_offsets(emotion)
    motion[::25, COLUMN["blink"]] = 1.0
    motion += 0.05 * np.random.default_rng(0).standard_normal(motion.shape).astype(np.float32)
    assert seen_emotion(motion) == emotion
