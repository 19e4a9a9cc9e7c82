"""What a linear layer is normalised by follows from the windows' moments, of a clip and of a stream."""

import numpy as np
import pytest

from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME, Float32Array
from pipeline.sound_statistics import MEMORY_FRAMES, RunningStatistics, normalised_clip, window_moments

FILTERS = np.random.default_rng(1).standard_normal((20, 10))


def voice(num_frames: int, seed: int = 0, level: float = 0.1) -> Float32Array:
    """Noise with the slope of speech that swells and fades four times a second: [frames * 640] float32."""
    noise = np.random.default_rng(seed).standard_normal(num_frames * SAMPLES_PER_FRAME + 9)
    sloped = np.convolve(noise, 0.8 ** np.arange(10), "valid") * 0.6
    time_s = np.arange(len(sloped)) / 16_000
    return (level * sloped * (0.6 + 0.6 * np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)


def heard(*sounds: Float32Array) -> RunningStatistics:
    statistics = RunningStatistics()
    for sound in sounds:
        for frame in sound.reshape(-1, SAMPLES_PER_FRAME):
            statistics.hear(frame)
    return statistics


def spread(statistics: RunningStatistics) -> float:
    return float(np.sqrt(statistics.moments.sample_variance))


def silence(num_frames: int) -> Float32Array:
    return np.zeros(num_frames * SAMPLES_PER_FRAME, np.float32)


def outputs(pcm: Float32Array) -> np.ndarray:
    """Of a layer of 20 filters of 10 samples, 5 apart: [20, windows] float64."""
    windows = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float64), 10)[::5]
    return FILTERS @ windows.T


def test_moments_tell_every_filters_mean_and_spread() -> None:
    pcm = voice(20) + np.float32(0.3)
    moments = window_moments(pcm)
    expected = outputs(pcm)
    covariance = moments.square - np.outer(moments.mean, moments.mean)
    np.testing.assert_allclose(FILTERS @ moments.mean, expected.mean(1), rtol=1e-9)
    np.testing.assert_allclose(((FILTERS @ covariance) * FILTERS).sum(1), expected.var(1), rtol=1e-9)
    assert moments.sample_mean == pytest.approx(pcm.mean(), abs=1e-4)
    assert moments.sample_variance == pytest.approx(pcm.var(), rel=1e-3)


def test_a_clip_is_normalised_then_filled_up_with_its_last_sample() -> None:
    pcm = voice(5)[:-100] * 3 + np.float32(0.2)
    sound = normalised_clip(pcm)
    own, filling = sound.pcm[0, : len(pcm)], sound.pcm[0, len(pcm) :]
    assert sound.pcm.shape == (1, 5 * SAMPLES_PER_FRAME)
    assert own.mean() == pytest.approx(0, abs=1e-5) and own.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_array_equal(filling, np.full(100, own[-1]))
    expected = outputs(sound.pcm[0])
    np.testing.assert_allclose(FILTERS @ sound.window_mean[0], expected.mean(1), atol=1e-5)
    variances = np.square(FILTERS @ sound.window_root[0]).sum(1)
    np.testing.assert_allclose(variances, expected.var(1), rtol=1e-4)


@pytest.mark.parametrize("num_samples", [1, 639, 640, 641])
def test_clips_of_any_length_and_of_no_sound_at_all_stay_finite(num_samples: int) -> None:
    for pcm in (np.full(num_samples, 0.25, np.float32), voice(2)[:num_samples]):
        sound = normalised_clip(pcm)
        assert all(np.isfinite(array).all() for array in (sound.pcm, sound.window_mean, sound.window_root))


def test_a_stream_that_begins_with_silence_hears_silence_and_not_its_noise() -> None:
    statistics = heard(silence(50))
    sound = statistics.normalise(silence(3))
    assert not sound.pcm.any() and not sound.window_mean.any()
    assert np.square(sound.window_root).sum() == pytest.approx(10, rel=1e-3)
    # Noise at -66 dB, as of a good microphone, stays far below what speech will be.
    noise = voice(50, level=5e-4)
    assert heard(silence(50), noise).normalise(noise).pcm.std() < 0.1


@pytest.mark.parametrize("level", [0.01, 0.1, 0.5])
def test_after_seconds_of_speech_its_loudness_no_longer_matters(level: float) -> None:
    sound = voice(10 * FRAMES_PER_S, level=level)
    running = heard(sound).normalise(sound)
    assert running.pcm.std() == pytest.approx(1, abs=0.15 if level < 0.1 else 0.02)


def test_all_heard_it_agrees_with_the_whole_clip() -> None:
    sound = voice(15 * FRAMES_PER_S)
    running, whole = heard(sound).normalise(sound), normalised_clip(sound)
    np.testing.assert_allclose(running.pcm, whole.pcm, rtol=0.02, atol=0.01)
    deviations = [np.sqrt(np.square(FILTERS @ each.window_root[0]).sum(1)) for each in (running, whole)]
    np.testing.assert_allclose(deviations[0], deviations[1], rtol=0.02)


def test_silence_however_long_does_not_wash_speech_out() -> None:
    speech = voice(10 * FRAMES_PER_S)
    before, after = heard(speech), heard(speech, silence(5 * 60 * FRAMES_PER_S))
    # Pauses are a part of speech, up to a share.
    assert 0.85 < spread(after) / spread(before) <= 1


def test_a_minute_of_soft_noise_counts_little() -> None:
    speech, noise = voice(10 * FRAMES_PER_S), voice(60 * FRAMES_PER_S, seed=2, level=2e-3)
    assert spread(heard(speech, noise)) > 0.7 * spread(heard(speech))


def test_a_voice_that_stays_soft_is_heard_in_the_end() -> None:
    soft = voice(60 * FRAMES_PER_S, seed=3, level=2e-3)
    loud = voice(2 * FRAMES_PER_S, level=0.3)
    statistics = heard(loud)
    start = spread(statistics)
    for frame in np.concatenate([soft] * 10).reshape(-1, SAMPLES_PER_FRAME):
        statistics.hear(frame)
    assert spread(statistics) < 0.3 * start


def test_memory_is_of_the_last_half_minute() -> None:
    old, new = voice(60 * FRAMES_PER_S, level=0.3), voice(2 * MEMORY_FRAMES, seed=4, level=0.1)
    assert spread(heard(old, new)) == pytest.approx(spread(heard(new)), rel=0.5)


def test_reset_forgets_and_the_same_sound_gives_the_same_bits() -> None:
    used = heard(voice(30, seed=5))
    used.reset()
    for frame in voice(20).reshape(-1, SAMPLES_PER_FRAME):
        used.hear(frame)
    one, other = used.normalise(voice(2)), heard(voice(20)).normalise(voice(2))
    np.testing.assert_array_equal(one.pcm, other.pcm)
    np.testing.assert_array_equal(one.window_root, other.window_root)
