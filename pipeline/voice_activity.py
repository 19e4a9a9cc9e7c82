"""Whether a chunk of sound holds speech, and whether it has been silent for a while.

In: `SpeechChunk`. Out: a bool. The networks hear every chunk alike, silence included.
"""

import numpy as np
import webrtcvad

from contract.errors import ConfigError
from contract.packets import MODEL_RATE_HZ, SAMPLES_PER_FRAME, SpeechChunk
from pipeline.frame_history import FrameHistory

# As long as pauses between words may be, and a mouth takes to shut.
SETTLED_FRAMES = 12


class VoiceActivity:
    """WebRTC's voice detector over both 20 ms halves of each chunk."""

    def __init__(self, aggressiveness: int = 2) -> None:
        """aggressiveness: 0 calls almost any sound speech, 3 only the surest; raises ConfigError outside of it."""
        if aggressiveness not in (0, 1, 2, 3):
            raise ConfigError(f"voice activity aggressiveness {aggressiveness!r}, expected 0, 1, 2 or 3")
        self._aggressiveness = aggressiveness
        self._detector = webrtcvad.Vad(aggressiveness)

    def push(self, chunk: SpeechChunk) -> bool:
        """True where either half of the chunk sounds like speech."""
        samples = np.rint(np.clip(chunk.pcm, -1, 1) * 32767).astype("<i2")
        halves = (samples[: SAMPLES_PER_FRAME // 2], samples[SAMPLES_PER_FRAME // 2 :])
        # Both halves are always heard, since the detector adapts to the noise of all it is given.
        heard = [self._detector.is_speech(half.tobytes(), MODEL_RATE_HZ) for half in halves]
        return any(heard)

    def reset(self) -> None:
        """Forget the noise level learned so far."""
        self._detector = webrtcvad.Vad(self._aggressiveness)


class LastingSilence:
    """Whether nobody has spoken for `SETTLED_FRAMES`, chunk by chunk."""

    def __init__(self) -> None:
        self._voice_activity = VoiceActivity()
        self._num_silent = 0
        self._history: FrameHistory[int] = FrameHistory()

    @property
    def lasts(self) -> bool:
        """True where it has been silent up to now for that long."""
        return self._num_silent >= SETTLED_FRAMES

    def push(self, chunk: SpeechChunk) -> bool:
        """Take the next chunk; True where it has been silent up to and with it."""
        self._num_silent = 0 if self._voice_activity.push(chunk) else self._num_silent + 1
        self._history.add(chunk.index, self._num_silent)
        return self.lasts

    def rewind(self, last_index: int) -> None:
        """Go back to where this chunk was the last one. What noise there is stays learned."""
        self._history.take_back(last_index)
        self._num_silent = next(iter(self._history.newest(1)), 0)

    def reset(self) -> None:
        """Start anew, as if somebody had just spoken."""
        self._voice_activity.reset()
        self._history.clear()
        self._num_silent = 0
