"""What the viewers of a benchmark say: speech without long pauses, with clicks in it.

In: a file of speech, else espeak-ng where it is installed, else a buzz in syllables. Out: 48 kHz mono and the places of
the clicks. The speech is kept so quiet that nothing in it can be taken for a click.
"""

import shutil
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.clicks import click_starts, with_clicks
from bench.microphone import PACKET_SAMPLES
from bench.sound_files import RATE_HZ, SENTENCES, read_resampled, spoken
from contract.packets import FRAMES_PER_S, Int16Array
from pipeline.speech_like import speech_like

SHORT_PAUSE_S = 0.3
SPEECH_PEAK = 4900
LENGTH_S = 30


def speech_with_clicks(speech: Path | None = None, seed: int = 0) -> tuple[Int16Array, list[int]]:
    """(sound of whole packets, first sample of each click)."""
    sound = quiet(repeated(_speech(speech), LENGTH_S * RATE_HZ))
    starts = click_starts(len(sound), seed)
    return with_clicks(sound, starts), starts


def quiet(sound: Int16Array) -> Int16Array:
    """The same at a level that leaves the clicks to be the loudest by far."""
    peak = max(1, int(np.abs(sound.astype(np.int32)).max()))
    return np.round(sound * (SPEECH_PEAK / peak)).astype(np.int16)


def repeated(sound: Int16Array, least_samples: int) -> Int16Array:
    """At least so many samples of it, in whole packets."""
    num_turns = -(-least_samples // len(sound))
    told = np.tile(sound, num_turns)
    return told[: len(told) // PACKET_SAMPLES * PACKET_SAMPLES]


def _speech(path: Path | None) -> Int16Array:
    if path is not None:
        return read_resampled(path)
    if shutil.which("espeak-ng") is None:
        return np.concatenate([chunk.voice for chunk in islice(speech_like(), LENGTH_S * FRAMES_PER_S)])
    with TemporaryDirectory(prefix="float-avatar-bench-") as name:
        pause = np.zeros(round(SHORT_PAUSE_S * RATE_HZ), np.int16)
        parts = [part for sentence in SENTENCES for part in (spoken(sentence, Path(name) / "spoken.wav"), pause)]
    return np.concatenate(parts)
