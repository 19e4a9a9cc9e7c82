"""The sampler against velocity fields whose flow is known in closed form, and its windows against each other."""

import numpy as np
import pytest

from contract.packets import ConditionedFrame, MotionFrame
from pipeline.conditions import emotion_vector
from pipeline.motion_noise import frame_noise
from pipeline.motion_sampler import MotionSampler, WindowSettings, first_state, sample_window
from tests.fakes import TINY_SPEC, FakeEngine, conditioned_field, constant_field, linear_field, noise_chunks

LATENT = TINY_SPEC.latent_dim
NEUTRAL = emotion_vector("neutral")
REFERENCE = np.full((1, LATENT), 0.3, np.float32)


def settings(hop: int = 5, lookahead: int = 4, euler_points: int = 10) -> WindowSettings:
    return WindowSettings(hop, lookahead, euler_points, audio_guidance=2.0, emotion_guidance=1.0)


def features(num_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num_frames, TINY_SPEC.audio_feature_dim)).astype(np.float32)


def sample_all(engine: FakeEngine, window: WindowSettings, num_frames: int, seed: int = 0) -> list[MotionFrame]:
    sampler = MotionSampler(engine.bind(reference_motion=REFERENCE), TINY_SPEC, window, seed)
    rows = features(num_frames)
    drawn = [
        frame
        for chunk, row in zip(noise_chunks(num_frames), rows, strict=True)
        for frame in sampler.push(ConditionedFrame(chunk, row, NEUTRAL))
    ]
    return drawn + sampler.flush()


def motion_of(frames: list[MotionFrame]) -> np.ndarray:
    return np.stack([frame.motion_latent for frame in frames])


def sample_behind(engine: FakeEngine, window: WindowSettings, num_coming: list[int]) -> list[list[MotionFrame]]:
    """What each frame gave, where so many further ones were there already."""
    sampler = MotionSampler(engine.bind(reference_motion=REFERENCE), TINY_SPEC, window)
    rows, chunks = features(len(num_coming)), noise_chunks(len(num_coming))
    frames = [ConditionedFrame(chunk, row, NEUTRAL) for chunk, row in zip(chunks, rows, strict=True)]
    return [sampler.push(frame, num_coming=num) for frame, num in zip(frames, num_coming, strict=True)]


def test_a_stream_that_is_behind_draws_all_that_is_there_as_one_window() -> None:
    engine = constant_field(np.ones(LATENT, np.float32))
    # Three and two to look ahead; at the fifth three more wait, so that six are kept. Then it is in time again.
    given = sample_behind(engine, settings(3, 2, euler_points=2), [0, 0, 0, 0, 3, 2, 1, 0, 0, 0, 0])
    assert [len(frames) for frames in given] == [0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 3]
    assert [frame.chunk.index for frames in given for frame in frames] == list(range(9))
    assert [call["noisy_motion"].shape[1] for call in engine.calls] == [8, 5]
    motion = motion_of([frame for frames in given for frame in frames])
    np.testing.assert_array_equal(engine.calls[1]["carried_motion"][0, 4:], motion[:6])
    np.testing.assert_allclose(motion, frame_noise(0, 0, 9, LATENT) + 1, atol=1e-5)


def test_a_stream_that_is_far_behind_draws_windows_of_a_bound() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    given = sample_behind(engine, settings(3, 2, euler_points=2), list(range(23, -1, -1)))
    assert [len(frames) for frames in given if frames] == [8, 8, 6]
    long = sample_behind(engine, settings(12, 2, euler_points=2), list(range(13, -1, -1)))
    assert [len(frames) for frames in long if frames] == [12], "a hop beyond the bound is as long as ever"


def test_what_comes_while_a_window_waits_is_for_the_next_one() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    given = sample_behind(engine, settings(3, 2, euler_points=2), [0, 0, 0, 0, 1, 1, 1, 1, 0])
    assert [len(frames) for frames in given] == [0, 0, 0, 0, 0, 4, 0, 0, 3]


def test_going_back_forgets_a_window_that_waits() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    sampler = MotionSampler(engine.bind(reference_motion=REFERENCE), TINY_SPEC, settings(3, 2))
    row = features(1)[0]
    frames = [ConditionedFrame(chunk, row, NEUTRAL) for chunk in noise_chunks(12)]
    given = [len(sampler.push(frame, num_coming=num)) for frame, num in zip(frames[:9], [0] * 7 + [3, 2], strict=True)]
    assert given == [0, 0, 0, 0, 3, 0, 0, 0, 0]
    sampler.rewind(2)
    assert [len(sampler.push(frame)) for frame in frames[3:9]] == [0, 0, 0, 0, 3, 0]


def test_in_silence_windows_are_as_long_as_ever() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    sampler = MotionSampler(engine.bind(reference_motion=REFERENCE), TINY_SPEC, settings(3, 2))
    row = features(1)[0]
    given = [
        len(sampler.push(ConditionedFrame(chunk, row, NEUTRAL), is_quiet=True, num_coming=7 - number))
        for number, chunk in enumerate(noise_chunks(8))
    ]
    assert given == [0, 0, 0, 0, 3, 0, 0, 3]


def test_a_constant_field_moves_the_noise_by_its_velocity() -> None:
    velocity = np.arange(LATENT, dtype=np.float32)
    motion = motion_of(sample_all(constant_field(velocity), settings(), 23))
    np.testing.assert_allclose(motion, frame_noise(0, 0, 23, LATENT) + velocity, atol=1e-5)


@pytest.mark.parametrize("euler_points", [2, 4, 10])
def test_a_linear_field_grows_as_eulers_method_says(euler_points: int) -> None:
    motion = motion_of(sample_all(linear_field(0.7), settings(euler_points=euler_points), 9))
    growth = (1 + 0.7 / (euler_points - 1)) ** (euler_points - 1)
    np.testing.assert_allclose(motion, growth * frame_noise(0, 0, 9, LATENT), rtol=1e-5)


def test_a_field_that_points_at_a_target_arrives_there() -> None:
    target = np.linspace(-1, 1, LATENT, dtype=np.float32)
    noise = frame_noise(1, 0, 9, LATENT)

    def field(inputs: dict) -> dict:
        return {"velocity": (target - noise)[None]}

    engine = FakeEngine(TINY_SPEC.signature("flow_transformer"), field).bind(reference_motion=REFERENCE)
    kept, _ = sample_window(engine, settings(), first_state(TINY_SPEC), features(9), NEUTRAL, noise)
    np.testing.assert_allclose(kept, np.tile(target, (5, 1)), atol=1e-6)


def test_the_solver_walks_linspace_and_passes_guidance_and_emotion_on() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    window = WindowSettings(5, 4, 10, audio_guidance=1.5, emotion_guidance=7.0)
    bound = engine.bind(reference_motion=REFERENCE)
    happy = emotion_vector("happy")
    sample_window(bound, window, first_state(TINY_SPEC), features(9), happy, frame_noise(0, 0, 9, LATENT))
    times = np.concatenate([call["time"] for call in engine.calls])
    np.testing.assert_array_equal(times, np.linspace(0, 1, 10, dtype=np.float32)[:-1])
    assert {float(call["audio_guidance"][0]) for call in engine.calls} == {1.5}
    assert {float(call["emotion_guidance"][0]) for call in engine.calls} == {7.0}
    np.testing.assert_array_equal(engine.calls[0]["emotion"][0], happy)


def test_each_window_carries_the_last_kept_frames_and_starts_from_zeros() -> None:
    engine = constant_field(np.ones(LATENT, np.float32))
    motion = motion_of(sample_all(engine, settings(euler_points=2), 24))
    rows = features(24)
    first, second, third = engine.calls[:3]
    assert not first["carried_motion"].any() and not first["carried_audio"].any()
    assert not second["carried_motion"][0, :5].any()
    np.testing.assert_array_equal(second["carried_motion"][0, 5:], motion[:5])
    np.testing.assert_array_equal(third["carried_motion"][0], motion[:10])
    np.testing.assert_array_equal(third["carried_audio"][0], rows[:10])
    np.testing.assert_array_equal(third["audio_features"][0], rows[10:19])


def test_a_frame_drawn_again_in_the_next_window_starts_from_the_same_noise() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    sample_all(engine, settings(euler_points=2), 24)
    first, second = engine.calls[:2]
    np.testing.assert_array_equal(first["noisy_motion"][0, 5:], second["noisy_motion"][0, :4])


def test_a_short_last_window_repeats_its_last_feature_and_cuts_the_tail() -> None:
    engine = constant_field(np.zeros(LATENT, np.float32))
    frames = sample_all(engine, settings(euler_points=2), 11)
    rows = features(11)
    last = engine.calls[-1]["audio_features"][0]
    np.testing.assert_array_equal(last, np.concatenate([rows[10:], np.repeat(rows[10:], 8, axis=0)]))
    assert [frame.chunk.index for frame in frames] == list(range(11))


@pytest.mark.parametrize(("hop", "lookahead"), [(1, 0), (1, 8), (5, 4), (7, 13), (20, 0)])
@pytest.mark.parametrize("num_frames", [1, 19, 20, 21, 47])
def test_every_index_comes_out_once_in_order(hop: int, lookahead: int, num_frames: int) -> None:
    frames = sample_all(conditioned_field(), settings(hop, lookahead, 3), num_frames)
    assert [frame.chunk.index for frame in frames] == list(range(num_frames))


def test_the_hop_does_not_matter_where_the_lookahead_covers_all_that_is_seen() -> None:
    # One evaluation sees 2 tokens ahead and there are two of them, and no more carried than a hop leaves behind.
    def field(inputs: dict) -> dict:
        seen = np.add(inputs["noisy_motion"], inputs["audio_features"][..., :1])
        tokens = np.pad(seen, ((0, 0), (0, 2), (0, 0)))
        return {"velocity": (tokens[:, 1:-1] + tokens[:, 2:]).astype(np.float32)}

    engine = FakeEngine(TINY_SPEC.signature("flow_transformer"), field)
    small = motion_of(sample_all(engine, settings(3, 4, 3), 30)[:20])
    large = motion_of(sample_all(engine, settings(10, 4, 3), 30)[:20])
    np.testing.assert_allclose(small, large, atol=1e-5)


def test_the_seed_decides_the_motion() -> None:
    engine = conditioned_field()
    first = motion_of(sample_all(engine, settings(), 12, seed=1))
    np.testing.assert_array_equal(first, motion_of(sample_all(engine, settings(), 12, seed=1)))
    assert np.abs(first - motion_of(sample_all(engine, settings(), 12, seed=2))).max() > 0.1


def test_reset_gives_the_same_motion_again() -> None:
    sampler = MotionSampler(conditioned_field().bind(reference_motion=REFERENCE), TINY_SPEC, settings())
    frames = [ConditionedFrame(chunk, row, NEUTRAL) for chunk, row in zip(noise_chunks(17), features(17), strict=True)]

    def draw() -> np.ndarray:
        return motion_of([drawn for frame in frames for drawn in sampler.push(frame)])

    first = draw()
    sampler.reset()
    np.testing.assert_array_equal(first, draw())
