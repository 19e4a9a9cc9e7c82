"""Another emotion comes without a jump, whatever the windows, and leaves nothing of the old one."""

import numpy as np
import pytest

from contract.packets import ConditionedFrame
from pipeline.conditions import emotion_vector
from pipeline.emotion_glide import EMOTION_GLIDE_FRAMES, EmotionGlide
from pipeline.motion_sampler import MotionSampler, WindowSettings
from tests.fakes import TINY_SPEC, FakeEngine, silent_chunk

WHERE = {"sad": -1.0, "happy": 2.0, "angry": 5.0, "neutral": 0.0}
NUM_FRAMES = 80


def faces() -> FakeEngine:
    """A flow whose motion is one place for each emotion, wherever it comes from."""
    places = np.stack([WHERE.get(name, 0.0) * np.ones(8, np.float32) for name in WHERE])
    vectors = np.stack([emotion_vector(name) for name in WHERE])

    def field(inputs: dict) -> dict:
        place = (np.asarray(inputs["emotion"]) @ vectors.T @ places)[:, None]
        left = 1 - np.asarray(inputs["time"], np.float32)[:, None, None]
        return {"velocity": ((place - np.asarray(inputs["noisy_motion"])) / left).astype(np.float32)}

    engine = FakeEngine(TINY_SPEC.signature("flow_transformer"), field)
    return engine.bind(reference_motion=np.zeros((1, 8), np.float32))


def drawn(wishes: dict[int, str], hop: int, engine: FakeEngine | None = None) -> np.ndarray:
    """The first coordinate of each frame of a sad stream that is told other emotions before the frames named."""
    settings = WindowSettings(hop, 2, TINY_SPEC.euler_points, 1.0, 1.0)
    sampler = MotionSampler(engine or faces(), TINY_SPEC, settings)
    emotion = emotion_vector("sad")
    motion = []
    for i in range(NUM_FRAMES):
        if i in wishes:
            emotion = emotion_vector(wishes[i])
            sampler.choose(emotion)
        frame = ConditionedFrame(silent_chunk(i), np.zeros(TINY_SPEC.audio_feature_dim, np.float32), emotion)
        motion += sampler.push(frame)
    return np.array([frame.motion_latent[0] for frame in motion + sampler.flush()])


@pytest.mark.parametrize("hop", [1, 5, 18])
def test_the_face_goes_over_in_small_steps_and_arrives(hop: int) -> None:
    place = drawn({30: "happy"}, hop)
    steps = np.diff(place)
    (moved,) = np.nonzero(np.abs(steps) > 1e-4)
    assert steps.min() > -1e-4 and steps.max() < 3 / 8, "the whole way is 3"
    assert len(moved) == moved[-1] - moved[0] + 1 == EMOTION_GLIDE_FRAMES + 1
    np.testing.assert_allclose(place[: moved[0] + 1], -1, atol=1e-5)
    np.testing.assert_allclose(place[moved[-1] + 1 :], 2, atol=1e-5)


@pytest.mark.parametrize("hop", [1, 5])
def test_a_change_of_mind_on_the_way_is_no_jump_either(hop: int) -> None:
    place = drawn({30: "happy", 36: "angry", 41: "sad", 43: "neutral"}, hop)
    # Never faster than all of the ways together.
    assert np.abs(np.diff(place)).max() < (3 + 3 + 6 + 1) / 8
    np.testing.assert_allclose(place[-10:], 0, atol=1e-5)


def test_each_change_costs_one_window_more_and_none_where_nothing_changes() -> None:
    calls = []
    for wishes in ({}, {30: "sad"}, {0: "happy"}, {30: "happy"}, {30: "happy", 31: "angry"}):
        engine = faces()
        drawn(wishes, 5, engine)
        calls.append(len(engine.calls) // (TINY_SPEC.euler_points - 1))
    assert calls == [calls[0], calls[0], calls[0], calls[0] + 1, calls[0] + 1]


def test_nothing_that_fades_leaves_motion_as_it_is() -> None:
    glide, motion = EmotionGlide(), np.ones((4, 8), np.float32)
    assert glide.push(motion) is motion
    glide.begin(np.ones((2, 8), np.float32))
    assert (glide.push(motion) > 1.5).all() and (motion == 1).all()
    glide.reset()
    assert glide.push(motion) is motion
