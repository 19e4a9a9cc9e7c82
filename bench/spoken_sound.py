"""Speech to measure with: a sound file, or sentences spoken by a synthesiser.

In: a file's path, or nothing. Out: sound at 16 kHz, [samples] float32.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from contract.errors import ConfigError
from contract.packets import SAMPLES_PER_FRAME, Float32Array
from media.audio_file import read_audio

SENTENCES = (
    "Good morning, and thank you for waiting. I have looked at both of your questions. The first one is simple: "
    "people may leave before five, if they bring back the books. As for the other, we should probably move the big "
    "table over to the window, where the light falls on it from the left."
)
_VOICE = ("-v", "en-us+f3", "-s", "160")


def speech(audio: Path | None = None) -> Float32Array:
    """The sound of a file, in whole frames; None speaks SENTENCES. Raises ConfigError where neither can be had."""
    if audio is not None:
        if not audio.is_file():
            raise ConfigError(f"{audio} is no file, expected a sound of speech")
        return _frames(audio)
    program = shutil.which("espeak-ng")
    if program is None:
        raise ConfigError("espeak-ng is not installed: install it, or give a sound file of speech (--audio)")
    with TemporaryDirectory(prefix="float-avatar-speech-") as folder:
        spoken = Path(folder) / "speech.wav"
        subprocess.run([program, *_VOICE, "-w", str(spoken), SENTENCES], check=True, capture_output=True)
        return _frames(spoken)


def _frames(path: Path) -> Float32Array:
    pcm = np.concatenate([chunk.pcm for chunk in read_audio(path)])
    return pcm[: len(pcm) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
