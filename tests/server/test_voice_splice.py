"""Sound of another length has no click, no other pitch and no spurs."""

import numpy as np
import pytest

from server.voice_splice import FADE_SAMPLES, MOST_CUT_SAMPLES, joined, resampled, shortened


def tone(num_samples: int, hz: float = 440.0) -> np.ndarray:
    return np.round(8000 * np.sin(2 * np.pi * hz * np.arange(num_samples) / 48_000)).astype(np.int16)


def strongest_beside(voice: np.ndarray, hz: float) -> float:
    """Of all beyond 30 Hz from the tone, in dB below it."""
    spectrum = np.abs(np.fft.rfft(voice * np.blackman(len(voice))))
    at_hz = np.fft.rfftfreq(len(voice), 1 / 48_000)
    return float(20 * np.log10(spectrum[np.abs(at_hz - hz) > 30].max() / spectrum.max()))


@pytest.mark.parametrize("step", [-4, -1, 1, 4])
def test_a_tone_that_loses_some_samples_a_chunk_stays_pure_and_smooth(step: int) -> None:
    sound, chunks, at = tone(60_000), [], 1
    for _ in range(25):
        length = 1920 + step
        chunks.append(resampled(sound[at - 1 : at + length + 2], 1920))
        at += length
    voice = np.concatenate(chunks).astype(float)
    steepest = np.abs(np.diff(tone(48_000).astype(float))).max()
    assert np.abs(np.diff(voice)).max() <= 1.01 * steepest + 1
    assert strongest_beside(voice, 440 * (1 + step / 1920)) < -75


@pytest.mark.parametrize("hz", [60.0, 110.0, 237.0, 440.0])
def test_speech_is_shortened_by_whole_periods(hz: float) -> None:
    sound = tone(1920 + MOST_CUT_SAMPLES, hz)
    voice, num_cut = shortened(sound, 1920)
    assert voice.shape == (1920,) and 480 <= num_cut <= MOST_CUT_SAMPLES
    periods = num_cut * hz / 48_000
    assert abs(periods - round(periods)) < 0.04
    steepest = np.abs(np.diff(sound.astype(float))).max()
    assert np.abs(np.diff(voice.astype(float))).max() <= 1.1 * steepest + 1
    assert voice[-1] == sound[1920 + num_cut - 1]


def test_what_is_joined_begins_as_it_was_and_goes_on_as_it_is() -> None:
    sound = np.concatenate([np.full(1000, 300, np.int16), np.full(1000, -300, np.int16)])
    rest = joined(sound, 1000)
    assert len(rest) == 1000 and abs(int(rest[0]) - 300) < 3 and (rest[FADE_SAMPLES:] == -300).all()
    assert np.abs(np.diff(rest.astype(int))).max() <= 4
