"""Speech from espeak-ng, whose library reports the sample at which each phoneme begins.

The library is loaded only when the first utterance is asked for. It holds one global state, so a lock guards it.
"""

import ctypes
import threading
from functools import cache
from typing import Any

import numpy as np

from contract.errors import ConfigError, MediaError
from contract.packets import MODEL_RATE_HZ, Float32Array
from training.speech_utterance import SILENCE, Phone, Utterance, Voice, resampled

LIBRARY = "libespeak-ng.so.1"
SYNCHRONOUS_OUTPUT = 2
PHONEME_EVENTS, IPA_LABELS, STAY_ALIVE = 1, 2, 0x8000
RATE, PITCH, UTF8 = 1, 3, 1
PHONEME_EVENT = 7
NORMAL_WORDS_PER_MINUTE = 170
VOICELESS_STOPS = frozenset({"p", "t", "k", "tʃ", "ts", "pf"})
MAX_CLOSURE_S = 0.11


class _Label(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_void_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Label),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Recorder:
    """Keeps what the library reports while it speaks."""

    def __init__(self) -> None:
        self.blocks: list[Any] = []
        self.starts: list[tuple[str, int]] = []
        self.callback = _CALLBACK(self._receive)

    def _receive(self, wave: Any, num_samples: int, events: Any) -> int:
        if wave and num_samples > 0:
            self.blocks.append(np.ctypeslib.as_array(wave, (num_samples,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == PHONEME_EVENT:
                # The field holds 8 bytes, so that a long label may end within a character.
                self.starts.append((bytes(events[i].id.string).decode("utf-8", "ignore"), events[i].sample))
            i += 1
        return 0


@cache
def _library() -> tuple[Any, _Recorder, int, threading.Lock]:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise ConfigError(f"{LIBRARY} can't be loaded ({error}); expected the system package espeak-ng") from error
    rate_hz = library.espeak_Initialize(SYNCHRONOUS_OUTPUT, 0, None, PHONEME_EVENTS | IPA_LABELS | STAY_ALIVE)
    if rate_hz <= 0:
        raise ConfigError(f"espeak-ng gave {rate_hz} when initialised, expected a sampling rate")
    recorder = _Recorder()
    library.espeak_SetSynthCallback(recorder.callback)
    return library, recorder, rate_hz, threading.Lock()


def speak(voice: Voice, text: str) -> Utterance:
    """Say text with an espeak-ng voice such as "en-us+f2"; raises ConfigError for an unknown one."""
    library, recorder, rate_hz, lock = _library()
    with lock:
        recorder.blocks.clear()
        recorder.starts.clear()
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise ConfigError(f"espeak-ng has no voice {voice.name!r}, expected a name like 'en-us+f2'")
        library.espeak_SetParameter(RATE, round(NORMAL_WORDS_PER_MINUTE * voice.rate * voice.size), 0)
        library.espeak_SetParameter(PITCH, int(np.clip(round(50 * voice.pitch), 0, 99)), 0)
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, UTF8, None, None)
        blocks, starts = list(recorder.blocks), list(recorder.starts)
    if not blocks or not starts:
        raise MediaError(f"espeak-ng gave no sound for {text!r} with voice {voice.name!r}")
    source_hz = rate_hz / voice.size
    pcm = resampled(np.concatenate(blocks).astype(np.float32) / 32768.0, source_hz)
    return Utterance(pcm, _phones(starts, source_hz, pcm), voice.name, text)


def _phones(starts: list[tuple[str, int]], rate_hz: float, pcm: Float32Array) -> tuple[Phone, ...]:
    """Starts to intervals; a voiceless stop is made to begin with its silence, which precedes its event."""
    starts_s = [sample / rate_hz for _, sample in starts]
    edges_s = [*starts_s, len(pcm) / MODEL_RATE_HZ]
    labels = [label.strip() or SILENCE for label, _ in starts]
    for i in range(1, len(labels)):
        if labels[i] in VOICELESS_STOPS and labels[i - 1] != SILENCE:
            # Half of the phone before is left to it, whatever the sound says.
            earliest_s = max(edges_s[i] - MAX_CLOSURE_S, (starts_s[i - 1] + starts_s[i]) / 2)
            edges_s[i] = _closure_start_s(pcm, earliest_s, edges_s[i])
    phones: list[Phone] = []
    for label, start_s, end_s in zip(labels, edges_s, edges_s[1:], strict=False):
        if end_s > start_s:
            phones.append((label, start_s, end_s))
    return tuple(phones)


def _closure_start_s(pcm: Float32Array, earliest_s: float, release_s: float) -> float:
    """Walk back from a release through the quiet before it, in steps of 5 ms."""
    step = MODEL_RATE_HZ // 200
    end = int(release_s * MODEL_RATE_HZ)
    loudness = float(np.sqrt(np.mean(pcm[max(0, end - 20 * step) : end + 1] ** 2))) + 1e-6
    position = end
    while position - step > earliest_s * MODEL_RATE_HZ:
        block = pcm[position - step : position]
        if float(np.sqrt(np.mean(block**2))) > 0.35 * loudness:
            break
        position -= step
    return position / MODEL_RATE_HZ
