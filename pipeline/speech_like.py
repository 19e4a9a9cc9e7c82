"""A sound that the voice detector takes for speech, made of numbers: what an avatar does in it is its whole work.

In silence an avatar may do less; whoever measures its work needs a voice, and no file of one need be there.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np

from contract.packets import (
    SAMPLES_PER_FRAME,
    VOICE_RATE_HZ,
    VOICE_SAMPLES_PER_FRAME,
    Float32Array,
    SpeechChunk,
)

_PITCH_HZ = 120.0
_NUM_HARMONICS = 30
_SYLLABLES_HZ = 4.0
_VOWELS_HZ = 1.3
_LEVEL = 0.2
_VOICE_SAMPLES_PER_SAMPLE = VOICE_SAMPLES_PER_FRAME // SAMPLES_PER_FRAME


def speech_like() -> Iterator[SpeechChunk]:
    """A buzz in syllables whose vowels change, without end: chunks from index 0 on."""
    return (_chunk(index) for index in count())


def _chunk(index: int) -> SpeechChunk:
    time_s = (index * VOICE_SAMPLES_PER_FRAME + np.arange(VOICE_SAMPLES_PER_FRAME)) / VOICE_RATE_HZ
    vowel = np.sin(2 * np.pi * _VOWELS_HZ * time_s)
    # Two formants that move against each other, as from "ee" to "aw".
    formants_hz = (500 + 200 * vowel, 1500 - 600 * vowel)
    buzz = np.zeros_like(time_s)
    for harmonic in range(1, _NUM_HARMONICS + 1):
        hz = harmonic * _PITCH_HZ
        gain = sum(np.exp(-(((hz - formant_hz) / 250) ** 2)) for formant_hz in formants_hz)
        buzz += (gain + 0.02) * np.sin(2 * np.pi * hz * time_s)
    syllable = 0.6 - 0.4 * np.cos(2 * np.pi * _SYLLABLES_HZ * time_s)
    sound = np.clip(_LEVEL * buzz * syllable, -1, 1)
    pcm: Float32Array = sound.reshape(-1, _VOICE_SAMPLES_PER_SAMPLE).mean(1).astype(np.float32)
    return SpeechChunk(index, pcm, np.rint(sound * 32767).astype(np.int16))
