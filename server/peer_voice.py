"""A peer's frames of sound as one voice.

In: decoded frames of any form that the negotiated codecs have. Out: mono samples at 48 kHz, and how many are missing
before them.
"""

import av
import numpy as np

from contract.errors import IngestError
from contract.packets import VOICE_RATE_HZ, Int16Array

# A longer pause is a microphone that was off.
LONGEST_GAP_SAMPLES = VOICE_RATE_HZ


class PeerVoice:
    """The form and the time of one peer's frames."""

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._expected_pts: int | None = None

    def samples(self, frame: av.AudioFrame) -> Int16Array:
        """[num_samples] int16, mono at 48 kHz; raises IngestError where it is no sound of a known form."""
        if frame.sample_rate == VOICE_RATE_HZ and frame.format.name == "s16":
            if frame.layout.name == "mono":
                return np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples)
            if frame.layout.name == "stereo":
                pairs = frame.to_ndarray().reshape(-1, 2)
                return ((pairs[:, 0].astype(np.int32) + pairs[:, 1]) // 2).astype(np.int16)
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=VOICE_RATE_HZ)
        try:
            parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        except (ValueError, av.FFmpegError) as error:
            raise IngestError(
                f"audio of {frame.sample_rate} Hz, {frame.format.name}, {frame.layout.name} can't be resampled: {error}"
            ) from error
        return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, np.int16)

    def gap_samples(self, frame: av.AudioFrame, num_samples: int) -> int:
        """How many samples are missing before this frame of so many, by its timestamp; 0 after a longer pause."""
        time_base = frame.time_base  # made anew each time it is asked for
        if frame.pts is None or time_base is None:
            return 0
        pts = frame.pts * time_base.numerator * VOICE_RATE_HZ // time_base.denominator
        gap = 0 if self._expected_pts is None else pts - self._expected_pts
        self._expected_pts = pts + num_samples
        return gap if 0 < gap <= LONGEST_GAP_SAMPLES else 0

    def forget_sound(self) -> None:
        """Begin anew with what comes next, of which the time is still known: a resampler holds a millisecond back."""
        self._resampler = None
