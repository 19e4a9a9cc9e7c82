"""Sound for microphones that play it again and again: 48 kHz, mono, 16 bit; as a WAV file for Chromium's fake one."""

import shutil
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
# Nearly as long as the speech before it, so that the median frame of a recording shows a mouth at rest.
PAUSE_S = 3.5
CLICK_PERIOD_S = 1.013  # no multiple of 40 ms, so that clicks fall everywhere in a frame
CLICK_S = 0.010
CLICK_TONE_HZ = 1000.0
SENTENCES = (
    "Good morning, my friend. Tell me about the big blue boat by the water.",
    "Maybe we can buy some apples and plums before the market opens.",
    "Five wild foxes jump over the moving wall, while papa bakes a pie.",
)

Int16Array = NDArray[np.int16]


def write_wav(path: Path, samples: Int16Array) -> Path:
    """Write samples, [samples] int16 at 48 kHz, and give the path back."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_resampled(path: Path) -> Int16Array:
    """Sound of a file as [samples] int16 at 48 kHz, mono."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def spoken(sentence: str, path: Path) -> Int16Array:
    """A sentence as espeak-ng speaks it, [samples] int16 at 48 kHz; path: of a file on the way."""
    program = shutil.which("espeak-ng")
    assert program, "espeak-ng is not installed"
    subprocess.run([program, "-v", "en", "-s", "180", "-w", str(path), sentence], check=True, timeout=30)
    return read_resampled(path)


def write_speech(path: Path) -> Path:
    """Three spoken sentences of about 4 s, each followed by 3.5 s of silence."""
    parts: list[Int16Array] = []
    for number, sentence in enumerate(SENTENCES):
        sound = spoken(sentence, path.with_name(f"{path.stem}_{number}.wav"))
        parts += [sound, np.zeros(round(PAUSE_S * RATE_HZ), np.int16)]
    return write_wav(path, np.concatenate(parts))


def write_clicks(path: Path, num_clicks: int = 30) -> Path:
    """One short loud tone every 1.013 s."""
    samples = np.zeros(round(num_clicks * CLICK_PERIOD_S * RATE_HZ), np.int16)
    tone = np.sin(2 * np.pi * CLICK_TONE_HZ * np.arange(round(CLICK_S * RATE_HZ)) / RATE_HZ)
    for number in range(num_clicks):
        start = round((number + 0.5) * CLICK_PERIOD_S * RATE_HZ)
        samples[start : start + len(tone)] = np.round(28_000 * tone)
    return write_wav(path, samples)
