"""The voice as the model hears it."""

import av
import numpy as np

from contract.packets import MODEL_RATE_HZ, SAMPLES_PER_FRAME, VOICE_RATE_HZ, Float32Array, Int16Array


class ModelVoice:
    """The voice as the model hears it: 16 kHz, 1 ms later than at 48 kHz."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=MODEL_RATE_HZ)
        self._waiting: Float32Array | None = None

    def push(self, voice: Int16Array) -> Float32Array:
        """[640] float32 in [-1, 1] of [1920] int16."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(voice)[None, :], format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE_HZ
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        if self._waiting is None:
            # The filter keeps the first samples back; leading silence of that length makes every chunk whole.
            self._waiting = np.zeros(SAMPLES_PER_FRAME - sum(map(len, parts)), np.float32)
        pcm = np.concatenate([self._waiting, *parts]).astype(np.float32)
        self._waiting = pcm[SAMPLES_PER_FRAME:]
        return pcm[:SAMPLES_PER_FRAME]
