"""An interruption: what was said up to now and is not shown yet is not said.

Each place that holds sound or pictures of the time before lets go of them in its own way, so that the beat goes on as
if nobody had spoken: sound becomes silence of the same length under the same index, motion is drawn again from the last
frame that was shown, and what the engines still bring of an older epoch is dropped. docs/architecture.md has the list.
"""

from dataclasses import dataclass, replace

import numpy as np

from contract.packets import VOICE_RATE_HZ, SpeechChunk


@dataclass(frozen=True, slots=True)
class Interruption:
    """What one interruption did.

    epoch: interruptions so far, this one included
    last_shown_index: of the last frame whose picture was sent; None before the first
    frames_dropped: finished pictures that nobody will see
    voice_samples_dropped: sound that nobody will hear, at 48 kHz
    """

    epoch: int
    last_shown_index: int | None
    frames_dropped: int
    voice_samples_dropped: int

    def to_json(self) -> dict[str, int | None]:
        """Plain values."""
        return {
            "epoch": self.epoch,
            "last_shown_index": self.last_shown_index,
            "frames_dropped": self.frames_dropped,
            "sound_dropped_ms": round(1000 * self.voice_samples_dropped / VOICE_RATE_HZ),
        }


def silenced(chunk: SpeechChunk, epoch: int) -> SpeechChunk:
    """The same 40 ms with nothing in them."""
    return replace(chunk, pcm=np.zeros_like(chunk.pcm), voice=np.zeros_like(chunk.voice), epoch=epoch)
