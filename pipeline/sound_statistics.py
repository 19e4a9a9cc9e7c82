"""What the first layer of wav2vec2 normalises by, of a whole clip or of all that a stream has heard so far.

In:  sound at 16 kHz. Out: `NormalisedSound`, what an audio encoder with `audio_statistics` takes.

wav2vec2 normalises twice over all the time it is given: the sound, and each channel of its first layer. That layer is
linear, so the mean and spread of every channel follow from the mean m and the covariance C of the sound's windows of 10
samples: w.m and w.C.w for a channel of weights w. 110 numbers and a count hold all that a stream must remember.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME, Float32Array
from contract.spec import AUDIO_STRIDE_SAMPLES, AUDIO_WINDOW_SAMPLES

Float64Array = NDArray[np.float64]

# A room or a microphone that changes is forgotten in so long.
MEMORY_FRAMES = 30 * FRAMES_PER_S
# Before anything is heard, and as so many frames for ever after: soft speech. It keeps noise of -50 dB noise.
PRIOR_FRAMES = 10
PRIOR_POWER = 4e-4
PRIOR_CORRELATIONS = (1.0, 0.94, 0.84, 0.75, 0.66, 0.56, 0.45, 0.37, 0.3, 0.24)  # of samples 0 ... 9 apart
# Pauses are a part of speech up to this share. Beyond it nobody speaks, and what speech is like should be remembered:
# silence then counts nothing, and soft sound little. Were it nothing, a voice lowered by 25 dB would never be heard.
PAUSE_POWER = 3e-3
PAUSE_SHARE = 0.2
PAUSE_WEIGHT = 0.1
SILENCE_POWER = 1e-6
_VARIANCE_FLOOR = 1e-7  # wav2vec2's own


@dataclass(frozen=True, slots=True, eq=False)
class NormalisedSound:
    """The inputs of an audio encoder with `audio_statistics`, by name.

    pcm: [1, samples] float32, normalised
    window_mean: [1, 10] float32, mean of the normalised sound's windows of 10 samples, 5 apart
    window_root: [1, 10, 10] float32, times its transpose it is their covariance
    """

    pcm: Float32Array
    window_mean: Float32Array
    window_root: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class WindowMoments:
    """Moments of windows of 10 samples, 5 apart, of sound as it is.

    mean: [10] float64
    square: [10, 10] float64, mean of the products of two samples of one window
    """

    mean: Float64Array
    square: Float64Array

    @property
    def sample_mean(self) -> float:
        """Mean of the sound."""
        return float(self.mean.mean())

    @property
    def sample_variance(self) -> float:
        """Variance of the sound."""
        return max(0.0, float(np.trace(self.square)) / len(self.mean) - self.sample_mean**2)

    def towards(self, other: "WindowMoments", share: float) -> "WindowMoments":
        """The moments of sound of which `share` is the other's."""
        return WindowMoments(
            self.mean + share * (other.mean - self.mean), self.square + share * (other.square - self.square)
        )


def window_moments(pcm: NDArray[np.floating]) -> WindowMoments:
    """Moments of all windows that lie inside `pcm`: [at least 10] samples."""
    windows = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float64), AUDIO_WINDOW_SAMPLES)
    windows = windows[::AUDIO_STRIDE_SAMPLES]
    return WindowMoments(windows.mean(0), windows.T @ windows / len(windows))


def normalised(pcm: Float32Array, moments: WindowMoments, mean: float, variance: float) -> NormalisedSound:
    """Sound and moments in units of a mean and variance. pcm: [samples] float32."""
    spread = np.sqrt(variance + _VARIANCE_FLOOR)
    covariance = (moments.square - np.outer(moments.mean, moments.mean)) / spread**2
    powers, directions = np.linalg.eigh(covariance)
    return NormalisedSound(
        pcm=((pcm - mean) / spread).astype(np.float32)[None],
        window_mean=((moments.mean - mean) / spread).astype(np.float32)[None],
        window_root=(directions * np.sqrt(np.maximum(powers, 0))).astype(np.float32)[None],
    )


def normalised_clip(pcm: Float32Array) -> NormalisedSound:
    """A whole clip as wav2vec2 hears it: normalised by itself, then filled up to whole frames with its last sample.

    pcm: [at least 1] float32
    """
    samples = pcm.astype(np.float64)
    padded = np.concatenate([samples, np.repeat(samples[-1:], -len(samples) % SAMPLES_PER_FRAME)])
    return normalised(padded.astype(np.float32), window_moments(padded), samples.mean(), samples.var())


class RunningStatistics:
    """The moments of all that a stream has heard, speech more than silence, the last half minute more than before."""

    def __init__(self) -> None:
        correlations = np.array(PRIOR_CORRELATIONS)
        apart = np.abs(np.subtract.outer(range(AUDIO_WINDOW_SAMPLES), range(AUDIO_WINDOW_SAMPLES)))
        self._prior = WindowMoments(np.zeros(AUDIO_WINDOW_SAMPLES), PRIOR_POWER * correlations[apart])
        self.reset()

    def reset(self) -> None:
        """Forget everything: nothing but the prior is left."""
        self._heard = self._prior
        self._heard_frames = 0.0
        self._pause_share = PAUSE_SHARE
        self._last = np.zeros(AUDIO_WINDOW_SAMPLES - AUDIO_STRIDE_SAMPLES, np.float32)

    @property
    def moments(self) -> WindowMoments:
        """What has been heard, mixed with what speech is like."""
        return self._heard.towards(self._prior, PRIOR_FRAMES / (self._heard_frames + PRIOR_FRAMES))

    def hear(self, pcm: Float32Array) -> None:
        """Take the next frame. pcm: [640] float32."""
        sound = np.concatenate([self._last, pcm])
        self._last = sound[-len(self._last) :]
        heard = window_moments(sound)
        power = heard.sample_variance
        is_pause = power < PAUSE_POWER * self.moments.sample_variance
        weight = 1.0
        if is_pause and self._pause_share >= PAUSE_SHARE:
            weight = PAUSE_WEIGHT if power > SILENCE_POWER else 0.0
        self._heard_frames = min(self._heard_frames + weight, MEMORY_FRAMES)
        if weight > 0:
            self._heard = self._heard.towards(heard, weight / self._heard_frames)
            share = weight / (self._heard_frames + PRIOR_FRAMES)
            self._pause_share += share * (float(is_pause) - self._pause_share)

    def normalise(self, pcm: Float32Array) -> NormalisedSound:
        """Sound in units of what has been heard. pcm: [samples] float32."""
        moments = self.moments
        return normalised(pcm, moments, moments.sample_mean, moments.sample_variance)
