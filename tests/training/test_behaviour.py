"""Head, lids, gaze and brows: lively in speech, nearly still in silence, moved by mood, decided by chance."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S
from contract.spec import EMOTIONS
from training.behaviour import CHANCE_NAMES, behaviour, held_offsets, jaw_scale, voice_events
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES, SPREAD
from training.speech_figures import blinks_per_minute, seen_emotion
from training.visemes import MOUTH_COLUMNS

NUM_FRAMES = 60 * FRAMES_PER_S
NEUTRAL = EMOTIONS.index("neutral")
COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}
CHANCE = {name: i for i, name in enumerate(CHANCE_NAMES)}


def syllables() -> NDArray[np.float32]:
    """Loudness of someone who speaks four syllables a second, two seconds of three."""
    seconds = np.arange(NUM_FRAMES) / FRAMES_PER_S
    speaks = seconds % 3.0 < 2.0
    return np.where(speaks, 0.5 + 0.5 * np.sin(2 * np.pi * 4 * seconds), 0.0).astype(np.float32)


def drawn(emotion: str = "neutral", seed: int = 3, speaks: bool = True) -> NDArray[np.float32]:
    loudness = syllables() if speaks else np.zeros(NUM_FRAMES, np.float32)
    return behaviour(loudness, EMOTIONS.index(emotion), np.random.default_rng(seed)).motion


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
    assert np.abs(np.diff(drawn()[:, :3], axis=0)).max() < 0.05


@pytest.mark.parametrize("speaks", [True, False])
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_blinks_come_every_few_seconds(emotion: str, speaks: bool):
    rates = [blinks_per_minute(drawn(emotion, seed, speaks)) for seed in range(8)]
    assert 9 <= np.mean(rates) <= 29


def test_a_blink_shuts_the_lids_for_two_or_three_frames_and_is_over_in_six():
    lids = drawn(seed=2)[:, COLUMN["blink"]]
    fully, partly = lids > 0.99, lids > 0.02
    lengths = [int(partly[start : start + 8].argmin()) for start in np.flatnonzero(partly[1:] & ~partly[:-1])[:-1] + 1]
    assert len(lengths) > 8 and set(lengths) == {6}
    assert fully.sum() == pytest.approx(2 * len(lengths), abs=2)


def test_more_blinks_come_where_a_phrase_ends():
    voice = voice_events(syllables())
    ends = np.flatnonzero(voice.phrase_ends)
    assert 18 <= len(ends) <= 20
    hits = 0
    for seed in range(10):
        lids = drawn(seed=seed)[:, COLUMN["blink"]]
        hits += sum(float(lids[end : end + 3].max()) > 0.99 for end in ends)
    assert 0.3 < hits / (10 * len(ends)) < 0.7


def test_chance_decides_a_blink_at_its_frame():
    found = behaviour(np.zeros(NUM_FRAMES, np.float32), NEUTRAL, np.random.default_rng(1))
    starts = np.flatnonzero(np.diff((found.motion[:, COLUMN["blink"]] > 0.2).astype(int)) == 1) + 1
    blink = found.chance[:, CHANCE["blink"]]
    assert len(starts) > 5
    assert blink[starts].min() > 2.0 and np.median(blink) < 0.1


def test_chance_is_standard_normal():
    chance = behaviour(syllables(), NEUTRAL, np.random.default_rng(4)).chance
    assert chance.shape == (NUM_FRAMES, 7) and chance.dtype == np.float32
    assert np.array_equal(chance, chance.astype(np.float16))
    assert np.abs(chance.mean(0)).max() < 0.1 and np.abs(chance.std(0) - 1).max() < 0.1


def test_nothing_looks_ahead():
    whole, cut = syllables(), syllables()
    cut[700:] = 0.9
    first, second = (behaviour(loudness, NEUTRAL, np.random.default_rng(0)).motion for loudness in (whole, cut))
    assert np.array_equal(first[:700], second[:700])
    assert not np.array_equal(first[700:], second[700:])


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
    assert faces["disgust"][COLUMN["sneer"]] > 0.4
    assert faces["surprise"][COLUMN["brow_raise"]] > faces["neutral"][COLUMN["brow_raise"]] + 0.4
    assert faces["fear"][COLUMN["blink"]] < neutral[COLUMN["blink"]] - 0.1


def test_moods_lie_far_apart_and_are_seen():
    faces = np.stack([held_offsets(i) / SPREAD for i in range(len(EMOTIONS))])
    between = np.linalg.norm(faces[:, None] - faces[None], axis=2)
    assert between[~np.eye(len(EMOTIONS), dtype=bool)].min() > 1.4
    for emotion in range(len(EMOTIONS)):
        for seed in range(10):
            motion = drawn(EMOTIONS[emotion], seed)
            # Any two seconds show it, not only a minute.
            assert all(seen_emotion(motion[start : start + 50]) == emotion for start in range(0, NUM_FRAMES, 250))


def test_moods_change_how_wide_the_mouth_opens():
    assert jaw_scale(EMOTIONS.index("sad")) < jaw_scale(NEUTRAL) == 1.0 < jaw_scale(EMOTIONS.index("surprise"))
