"""What is held out is never trained on, and sound keeps its time and pitch when it is resampled."""

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.packets import MODEL_RATE_HZ
from contract.spec import EMOTIONS
from training.speech_sentences import sentences
from training.speech_utterance import Voice, resampled
from training.speech_voices import LANGUAGES, draw_voice, in_mood


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_sentences_and_none_is_on_both_sides(language: str):
    train, held_out = set(sentences(language)), set(sentences(language, held_out=True))
    assert len(train) + len(held_out) >= (300 if language == "en" else 60)
    assert held_out and not train & held_out


def test_a_language_without_sentences_is_refused():
    with pytest.raises(ConfigError, match="'xx'"):
        sentences("xx")


def test_no_voice_is_on_both_sides():
    generator = np.random.default_rng(0)

    def speakers(held_out: bool) -> set[tuple[str, str]]:
        voices = [draw_voice(generator, held_out) for _ in range(2000)]
        return {(voice.program, voice.name.partition("+")[2] or voice.name) for voice in voices}

    train, held_out = speakers(held_out=False), speakers(held_out=True)
    assert len(train) > 40 and len(held_out) > 8
    assert not train & held_out


def test_a_mood_bends_the_same_speaker():
    voice = Voice("espeak-ng", "en-us+m1")
    assert in_mood(voice, "neutral") == voice
    assert in_mood(voice, "sad").rate < 1.0 < in_mood(voice, "happy").pitch
    assert all(in_mood(voice, emotion).name == voice.name for emotion in EMOTIONS)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 18182.5, 22050, 24000])
def test_resampling_keeps_time_and_frequency(rate_hz: float):
    seconds = np.arange(int(rate_hz * 1.3)) / rate_hz
    out = resampled(np.sin(2 * np.pi * 440 * seconds).astype(np.float32), rate_hz)
    assert abs(len(out) - 1.3 * MODEL_RATE_HZ) <= 1
    expected = np.sin(2 * np.pi * 440 * np.arange(len(out)) / MODEL_RATE_HZ)
    assert np.abs(out - expected)[400:-400].max() < 0.005  # 2 microseconds at 440 Hz
