"""Motion drawn ahead of its sound in silence: fewer windows, none later, no trace of it once somebody speaks."""

from dataclasses import replace

import numpy as np
import pytest

from contract.packets import ConditionedFrame, MotionFrame
from pipeline.conditions import emotion_vector
from pipeline.motion_ahead import ASSUMED_SHARE
from pipeline.motion_noise import frame_noise
from pipeline.motion_sampler import MotionSampler, WindowSettings
from tests.fakes import TINY_SPEC, FakeEngine, conditioned_field, silent_chunk

SPEC = replace(TINY_SPEC, window_frames=50)
HOP, LOOKAHEAD, LONG_HOP = 5, 2, 40
EVALUATIONS = SPEC.euler_points - 1
REFERENCE = np.linspace(-1, 1, SPEC.latent_dim, dtype=np.float32)[None]
SILENCE = np.full(SPEC.audio_feature_dim, 0.3, np.float32)


def open_sampler(hop: int = HOP, lookahead: int = LOOKAHEAD) -> tuple[MotionSampler, FakeEngine]:
    engine = conditioned_field(SPEC)
    settings = WindowSettings(hop, lookahead, SPEC.euler_points, 0.1, 0.1)
    return MotionSampler(engine.bind(reference_motion=REFERENCE), SPEC, settings, 3), engine


def silent(index: int, emotion: str = "neutral", share: float = 0.0) -> ConditionedFrame:
    """share: how far its feature is from that of silence, of its length."""
    return ConditionedFrame(silent_chunk(index), SILENCE * np.float32(1 + share), emotion_vector(emotion))


def spoken(index: int) -> ConditionedFrame:
    feature = np.random.default_rng(index).standard_normal(SPEC.audio_feature_dim).astype(np.float32)
    return ConditionedFrame(silent_chunk(index), feature, emotion_vector("neutral"))


def latents(frames: list[MotionFrame]) -> np.ndarray:
    return np.stack([frame.motion_latent for frame in frames])


def run(sampler: MotionSampler, quiet: list[bool], first_index: int = 0) -> tuple[list[MotionFrame], list[int]]:
    """The frames of a stretch, silent and spoken, and how many were pushed when each came."""
    frames: list[MotionFrame] = []
    pushed_at: list[int] = []
    for i, is_quiet in enumerate(quiet, first_index):
        given = sampler.push(silent(i) if is_quiet else spoken(i), is_quiet)
        frames += given
        pushed_at += [i] * len(given)
    return frames, pushed_at


def test_silence_takes_a_window_in_eight() -> None:
    sampler, engine = open_sampler()
    frames, _ = run(sampler, [True] * 207)
    assert [frame.chunk.index for frame in frames] == list(range(205))
    assert len(engine.calls) == EVALUATIONS * 6
    assert {call["noisy_motion"].shape[1] for call in engine.calls} == {LONG_HOP + LOOKAHEAD}


def test_it_is_what_windows_of_that_length_give() -> None:
    sampler, _ = open_sampler()
    long, _ = open_sampler(LONG_HOP)
    frames, _ = run(sampler, [True] * 207)
    expected, _ = run(long, [True] * 242)
    np.testing.assert_array_equal(latents(frames), latents(expected)[:205])


@pytest.mark.parametrize("seed", range(6))
def test_every_frame_comes_once_in_order_and_no_later_than_ever(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quiet = [bool(each) for length in rng.integers(1, 60, 12) for each in [rng.random() < 0.6] * int(length)]
    relaxed, pushed_at = run(open_sampler()[0], quiet)
    sampler, _ = open_sampler()
    plain = [sampler.push(silent(i) if is_quiet else spoken(i)) for i, is_quiet in enumerate(quiet)]
    assert pushed_at == [i for i, given in enumerate(plain) for _ in given]
    assert [frame.chunk.index for frame in relaxed] == list(range(len(relaxed)))
    again, _ = run(open_sampler()[0], quiet)
    np.testing.assert_array_equal(latents(relaxed), latents(again))


@pytest.mark.parametrize("num_silent", range(20, 40))
def test_where_speech_begins_the_window_is_drawn_from_the_last_frames_given(num_silent: int) -> None:
    sampler, engine = open_sampler()
    frames, _ = run(sampler, [True] * num_silent)
    num_calls, num_given = len(engine.calls), len(frames)
    later, _ = run(sampler, [False] * 12, num_silent)
    call = engine.calls[num_calls]
    np.testing.assert_array_equal(call["carried_motion"][0], latents(frames)[-10:])
    np.testing.assert_array_equal(call["noisy_motion"][0], frame_noise(3, num_given, HOP + LOOKAHEAD, SPEC.latent_dim))
    first_spoken = num_silent - num_given
    np.testing.assert_array_equal(call["audio_features"][0, first_spoken], spoken(num_silent).audio_features)
    assert [frame.chunk.index for frame in later[:2]] == [num_given, num_given + 1]
    assert all(frame.following is None for frame in later[:first_spoken]), "nothing is promised once somebody speaks"


@pytest.mark.parametrize(("share", "is_redrawn"), [(0.9 * ASSUMED_SHARE, False), (1.2 * ASSUMED_SHARE, True)])
def test_sound_that_is_not_as_assumed_is_drawn_anew_though_no_voice_was_found(share: float, is_redrawn: bool) -> None:
    sampler, engine = open_sampler()
    run(sampler, [True] * 27)
    num_calls = len(engine.calls)
    frames = [frame for i in range(27, 32) for frame in sampler.push(silent(i, share=share), True)]
    assert len(frames) == 5
    assert (len(engine.calls) > num_calls) == is_redrawn


def test_another_emotion_counts_from_the_next_window_in_silence_too() -> None:
    sampler, engine = open_sampler()
    run(sampler, [True] * 27)
    num_calls = len(engine.calls)
    sampler.choose(emotion_vector("happy"))
    for i in range(27, 42):
        sampler.push(silent(i, "happy"), True)
    emotions = [call["emotion"][0].argmax() for call in engine.calls[num_calls:]]
    assert emotions[:EVALUATIONS] == [emotion_vector("happy").argmax()] * EVALUATIONS
    assert emotions[EVALUATIONS : 2 * EVALUATIONS] == [emotion_vector("neutral").argmax()] * EVALUATIONS


@pytest.mark.parametrize("last_index", [20, 22, 24, 29])
def test_a_stream_in_silence_goes_back_as_any_other(last_index: int) -> None:
    sampler, engine = open_sampler()
    frames, _ = run(sampler, [True] * 37)
    assert len(frames) == 35
    sampler.rewind(last_index)
    num_calls = len(engine.calls)
    again, _ = run(sampler, [True] * 40, last_index + 1)
    assert [frame.chunk.index for frame in again] == list(range(last_index + 1, last_index + 1 + len(again)))
    call = engine.calls[num_calls]
    np.testing.assert_array_equal(call["carried_motion"][0], latents(frames)[last_index - 9 : last_index + 1])
    steps = np.linalg.norm(np.diff(latents(frames[: last_index + 1] + again), axis=0), axis=1)
    assert steps[last_index] <= steps.max() and len(again) == 35


def test_what_is_promised_comes_while_silence_lasts() -> None:
    sampler, _ = open_sampler()
    frames, _ = run(sampler, [False] * 20 + [True] * 120)
    for i, frame in enumerate(frames):
        if i < 20:
            assert frame.following is None
            continue
        assert frame.following is not None
        shared = min(len(frame.following), len(frames) - i - 1)
        np.testing.assert_array_equal(frame.following[:shared], latents(frames)[i + 1 : i + 1 + shared])
    assert np.median([0 if frame.following is None else len(frame.following) for frame in frames]) > 10


def test_what_fades_is_promised_too() -> None:
    sampler, _ = open_sampler()
    run(sampler, [False] * 30)
    sampler.choose(emotion_vector("happy"))
    frames = [frame for i in range(30, 80) for frame in sampler.push(silent(i, "happy"), True)]
    rows = latents(frames)
    for i, frame in enumerate(frames):
        if frame.following is not None and i >= 5:
            shared = min(len(frame.following), len(frames) - i - 1)
            np.testing.assert_allclose(frame.following[:shared], rows[i + 1 : i + 1 + shared], atol=1e-5)


def test_flushed_in_silence_every_frame_comes_and_the_next_stream_is_a_new_one() -> None:
    sampler, _ = open_sampler()
    frames, _ = run(sampler, [True] * 33)
    frames += sampler.flush()
    assert [frame.chunk.index for frame in frames] == list(range(33))
    first, _ = run(sampler, [True] * 33)
    np.testing.assert_array_equal(latents(first), latents(frames)[: len(first)])


def test_windows_as_long_as_that_are_left_alone() -> None:
    for hop in (42, 48):
        relaxed, engine = open_sampler(hop)
        plain, other = open_sampler(hop)
        frames, _ = run(relaxed, [True] * 160)
        expected = [frame for i in range(160) for frame in plain.push(silent(i))]
        np.testing.assert_array_equal(latents(frames), latents(expected))
        assert len(engine.calls) == len(other.calls)
