"""Whether a chunk of sound holds speech. For statistics: the networks hear every chunk alike, silence included.

In: `SpeechChunk`. Out: a bool.
"""

import numpy as np
import webrtcvad

from contract.errors import ConfigError
from contract.packets import MODEL_RATE_HZ, SAMPLES_PER_FRAME, SpeechChunk


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
