"""What a synthesiser is asked for and what it gives: a voice, and an utterance whose phones have known times."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from contract.packets import MODEL_RATE_HZ, Float32Array

Program = Literal["espeak-ng", "flite", "festival"]
Phone = tuple[str, float, float]  # label, start and end in seconds

SILENCE = "_"


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker: a program, the name of its voice, and how that voice is bent.

    language: two letters, choosing the sentences
    rate: speaking rate relative to the voice's own
    pitch: relative to the voice's own
    size: length of the vocal tract and of the vocal folds against the voice's own; 1.1 sounds like a larger speaker
    """

    program: Program
    name: str
    language: str = "en"
    rate: float = 1.0
    pitch: float = 1.0
    size: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """Spoken text.

    pcm: [n] float32 in [-1, 1], 16 kHz mono
    phones: label, start and end in seconds, in order, without overlap; pauses are labelled "_"
    voice: name of the voice
    text: what is said
    """

    pcm: Float32Array
    phones: tuple[Phone, ...]
    voice: str
    text: str


def resampled(pcm: Float32Array, rate_hz: float) -> Float32Array:
    """Sound brought to 16 kHz by cutting or extending its spectrum, which moves nothing in time.

    pcm: [n] float32, at rate_hz
    returns [round(n * 16000 / rate_hz)] float32
    """
    ratio = MODEL_RATE_HZ / rate_hz

    def nearly_whole(least: int) -> int:
        """A length from `least` on that stays whole when resampled, so that rate and start are exact."""
        return min(range(least, least + 512), key=lambda length: abs(length * ratio - round(length * ratio)))

    margin = nearly_whole(int(rate_hz * 0.02))
    num_padded = nearly_whole(len(pcm) + 2 * margin)
    num_out = round(num_padded * ratio)
    spectrum = np.fft.rfft(np.pad(pcm.astype(np.float64), (margin, num_padded - margin - len(pcm))))
    out_spectrum = np.zeros(num_out // 2 + 1, np.complex128)
    num_kept = min(len(spectrum), len(out_spectrum))
    fade = min(num_kept // 40, 2000)
    spectrum = spectrum[:num_kept].copy()
    spectrum[num_kept - fade :] *= np.cos(np.linspace(0.0, np.pi / 2, fade)) ** 2
    out_spectrum[:num_kept] = spectrum
    out = np.fft.irfft(out_spectrum, num_out) * (num_out / num_padded)
    start = round(margin * ratio)
    return out[start : start + round(len(pcm) * ratio)].astype(np.float32)
