"""Speech from the voices recorded by people: flite (slt, rms, awb) and festival (kal), with the end of each segment."""

import math
import re
import subprocess
import tempfile
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from contract.errors import ConfigError, MediaError
from contract.packets import Float32Array
from training.speech_utterance import SILENCE, Phone, Utterance, Voice, resampled
from training.viseme_table import CMU_RENAMED

# The middle of each voice's pitch, which flite takes in hertz.
FLITE_PITCH_HZ = {"slt": 170.0, "rms": 100.0, "awb": 125.0}
# How much later than printed each voice sounds, measured: where stops are quietest against vowels.
LATENESS_S = {"slt": 0.020, "rms": 0.010, "awb": 0.010, "kal_diphone": 0.015}
SEGMENT_END = re.compile(r"([a-z]+):([0-9.]+)")
TIMEOUT_S = 60
PAUSES = frozenset({"pau", "ssil", "h#", "brth"})


def speak_flite(voice: Voice, text: str) -> Utterance:
    """Say text with a flite voice whose printed durations are those of its sound; raises ConfigError for another."""
    if voice.name not in FLITE_PITCH_HZ:
        known = list(FLITE_PITCH_HZ)
        raise ConfigError(f"flite voice {voice.name!r} has no exact phone times, expected one of {known}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = 1.0 / (voice.rate * voice.size)
        pitch_hz = FLITE_PITCH_HZ[voice.name] * voice.pitch
        settings = ["--setf", f"duration_stretch={stretch:.3f}", "--setf", f"int_f0_target_mean={pitch_hz:.1f}"]
        printed = _run(["flite", "-voice", voice.name, "-psdur", *settings, "-t", text, "-o", str(path)], "flite")
        pcm, rate_hz = _read_wave(path)
    ends = [(label, float(end_s)) for label, end_s in SEGMENT_END.findall(printed)]
    return _utterance(voice, text, pcm, rate_hz, ends)


def speak_festival(voice: Voice, text: str) -> Utterance:
    """Say text with a festival voice such as kal_diphone, which prints the end of each segment."""
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "speech.wav", Path(folder) / "speech.scm"
        quoted = text.replace("\\", " ").replace('"', " ")
        script.write_text(
            f"(voice_{voice.name})\n"
            f"(Parameter.set 'Duration_Stretch {1.0 / (voice.rate * voice.size):.3f})\n"
            f'(set! spoken (utt.synth (Utterance Text "{quoted}")))\n'
            f'(utt.save.wave spoken "{path}")\n'
            '(mapcar (lambda (s) (format t "%s:%f " (item.name s) (item.feat s "end")))'
            " (utt.relation.items spoken 'Segment))\n"
        )
        printed = _run(["festival", "-b", str(script)], "festival")
        pcm, rate_hz = _read_wave(path)
    ends = [(label, float(end_s)) for label, end_s in SEGMENT_END.findall(printed)]
    return _utterance(voice, text, pcm, rate_hz, ends)


def _utterance(
    voice: Voice, text: str, pcm: Float32Array, rate_hz: int, ends: Iterable[tuple[str, float]]
) -> Utterance:
    phones: list[Phone] = []
    start_s = 0.0
    for label, end_s in ends:
        if end_s > start_s:
            # Playing the sound as if recorded at another rate changes the speaker's size, and time with it.
            late_s = LATENESS_S.get(voice.name, 0.0)
            times = ((start_s + late_s) * voice.size, (end_s + late_s) * voice.size)
            phones.append((SILENCE if label in PAUSES else CMU_RENAMED.get(label, label), *times))
            start_s = end_s
    if not phones:
        raise MediaError(f"{voice.program} gave no segments for {text!r} with voice {voice.name!r}")
    sound_s = len(pcm) / rate_hz
    if not math.isclose(start_s, sound_s, abs_tol=0.06):
        raise MediaError(f"{voice.name!r}: segments end at {start_s:.3f} s, expected the sound's end, {sound_s:.3f} s")
    return Utterance(resampled(pcm, rate_hz / voice.size), tuple(phones), voice.name, text)


def _run(command: list[str], package: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except FileNotFoundError as error:
        raise ConfigError(f"{command[0]} is not installed, expected the system package {package}") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise MediaError(f"{command[0]} failed: {error}; {getattr(error, 'stderr', '')}") from error
    return done.stdout


def _read_wave(path: Path) -> tuple[Float32Array, int]:
    try:
        with wave.open(str(path)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
            return samples.astype(np.float32) / 32768.0, sound.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise MediaError(f"{path.name} is not a sound file: {error}") from error
