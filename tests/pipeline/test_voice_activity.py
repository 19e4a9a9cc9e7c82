"""Silence is not speech, a voice is, and the detector starts anew when told to."""

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, Float32Array, SpeechChunk
from pipeline.voice_activity import VoiceActivity
from tests.fakes import silent_chunk


def vowel_like(num_frames: int) -> Float32Array:
    """Harmonics of 120 Hz under two formants, rising and falling as syllables do; [num_samples] float32."""
    time_s = np.arange(num_frames * SAMPLES_PER_FRAME) / 16_000
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 30):
        frequency_hz = 120 * harmonic
        level = np.exp(-(((frequency_hz - 600) / 200) ** 2)) + 0.5 * np.exp(-(((frequency_hz - 1500) / 300) ** 2))
        sound += (level + 0.02) * np.sin(2 * np.pi * frequency_hz * time_s)
    return (0.15 * sound * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)


def chunks_of(sound: Float32Array) -> list[SpeechChunk]:
    voice = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
    return [SpeechChunk(i, pcm, voice) for i, pcm in enumerate(sound.reshape(-1, SAMPLES_PER_FRAME))]


def test_silence_is_not_speech() -> None:
    detector = VoiceActivity()
    assert not any(detector.push(silent_chunk(i)) for i in range(50))


def test_a_voice_is_speech() -> None:
    detector = VoiceActivity()
    assert np.mean([detector.push(chunk) for chunk in chunks_of(vowel_like(50))]) > 0.9


def test_a_voice_in_one_half_of_a_chunk_is_enough() -> None:
    detector = VoiceActivity(aggressiveness=0)
    sound = vowel_like(20).reshape(-1, SAMPLES_PER_FRAME)
    sound[10:, SAMPLES_PER_FRAME // 2 :] = 0
    assert np.mean([detector.push(chunk) for chunk in chunks_of(sound.reshape(-1))][10:]) > 0.9


def test_overdriven_sound_is_heard_without_wrapping_round() -> None:
    detector = VoiceActivity()
    assert np.mean([detector.push(chunk) for chunk in chunks_of(10 * vowel_like(50))]) > 0.9


def test_reset_gives_the_same_answers_again() -> None:
    rng = np.random.default_rng(0)
    chunks = chunks_of((vowel_like(30) * np.repeat(rng.random(30), SAMPLES_PER_FRAME)).astype(np.float32))
    detector = VoiceActivity(aggressiveness=3)
    first = [detector.push(chunk) for chunk in chunks]
    detector.reset()
    assert [detector.push(chunk) for chunk in chunks] == first


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigError, match="aggressiveness 4, expected 0, 1, 2 or 3"):
        VoiceActivity(aggressiveness=4)
