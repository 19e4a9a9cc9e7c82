"""Head, lids, gaze and brows: lively in speech, nearly still in silence, in range, moved by mood."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S
from contract.spec import EMOTIONS
from training.behaviour import behaviour, jaw_scale
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.visemes import MOUTH_COLUMNS

NUM_FRAMES = 60 * FRAMES_PER_S
NEUTRAL = EMOTIONS.index("neutral")
COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}


def syllables() -> NDArray[np.float32]:
    """Loudness of someone who speaks four syllables a second without end."""
    seconds = np.arange(NUM_FRAMES) / FRAMES_PER_S
    return (0.5 + 0.5 * np.sin(2 * np.pi * 4 * seconds)).astype(np.float32)


def drawn(emotion: str = "neutral", seed: int = 3, speaks: bool = True) -> NDArray[np.float32]:
    loudness = syllables() if speaks else np.zeros(NUM_FRAMES, np.float32)
    return behaviour(loudness, EMOTIONS.index(emotion), np.random.default_rng(seed))


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_motion_is_in_range_and_leaves_the_mouth_alone(emotion: str):
    motion = drawn(emotion)
    assert motion.shape == (NUM_FRAMES, len(MOTION_NAMES)) and motion.dtype == np.float32
    assert (motion >= LOWEST).all() and (motion <= HIGHEST).all()
    assert not motion[:, MOUTH_COLUMNS].any()


def test_the_same_seed_gives_the_same_motion():
    assert np.array_equal(drawn(seed=5), drawn(seed=5))
    assert not np.array_equal(drawn(seed=5), drawn(seed=6))


def test_the_head_is_lively_in_speech_and_nearly_still_in_silence():
    head = slice(0, 3)
    speaking, silent = drawn()[:, head].std(0), drawn(speaks=False)[:, head].std(0)
    assert (silent > 0.001).all()
    assert (silent < 0.015).all()
    assert (speaking > 2.5 * silent).all()


def test_head_moves_without_jerks():
    assert np.abs(np.diff(drawn()[:, :3], axis=0)).max() < 0.04


def test_blinks_come_every_few_seconds_and_are_short():
    num_blinks, num_frames_shut = 0, []
    for seed in range(5):
        shut = drawn(seed=seed)[:, COLUMN["blink"]] > 0.5
        starts = np.flatnonzero(np.diff(shut.astype(int)) == 1)
        ends = np.flatnonzero(np.diff(shut.astype(int)) == -1)
        num_blinks += len(starts)
        num_frames_shut += [int(ends[ends > start][0] - start) for start in starts if (ends > start).any()]
    assert 10 <= num_blinks / 5 <= 25  # a minute
    assert 2 <= np.mean(num_frames_shut) <= 6 and max(num_frames_shut) <= 8


def test_eyes_rest_on_the_viewer():
    motion = drawn(speaks=False)
    aside = np.abs(motion[:, COLUMN["gaze_x"]]) > 0.2
    assert 0.0 < aside.mean() < 0.25


def test_each_mood_shows():
    faces = {emotion: drawn(emotion).mean(0) for emotion in EMOTIONS}
    neutral = faces["neutral"]
    assert abs(neutral[COLUMN["smile"]]) < 0.01
    assert faces["happy"][COLUMN["smile"]] > 0.4
    assert faces["sad"][COLUMN["smile"]] < -0.3 and faces["sad"][COLUMN["brow_furrow"]] < -0.3
    assert faces["angry"][COLUMN["brow_furrow"]] > 0.5
    assert faces["surprise"][COLUMN["brow_raise"]] > faces["neutral"][COLUMN["brow_raise"]] + 0.4
    assert faces["fear"][COLUMN["blink"]] < neutral[COLUMN["blink"]] - 0.1
    for emotion in EMOTIONS:
        if emotion != "neutral":
            assert np.abs(faces[emotion] - neutral).max() > 0.2, emotion


def test_moods_change_how_wide_the_mouth_opens():
    assert jaw_scale(EMOTIONS.index("sad")) < jaw_scale(NEUTRAL) == 1.0 < jaw_scale(EMOTIONS.index("surprise"))
