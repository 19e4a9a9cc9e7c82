"""What travels through the house: one packet a frame, numbered from 0 within a session.

A frame lasts 40 ms: 640 samples at 16 kHz (what the model hears) and 1920 at 48 kHz (what people hear). The index
that enters on a `SpeechChunk` leaves on an `AvatarFrame`, with the same sound beside it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_S = 25
MODEL_RATE_HZ = 16_000
VOICE_RATE_HZ = 48_000
SAMPLES_PER_FRAME = MODEL_RATE_HZ // FRAMES_PER_S  # 640
VOICE_SAMPLES_PER_FRAME = VOICE_RATE_HZ // FRAMES_PER_S  # 1920

Float32Array = NDArray[np.float32]
Int16Array = NDArray[np.int16]
UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class SpeechChunk:
    """One frame of sound.

    index: position in the session, from 0, without gaps
    pcm: [640] float32 in [-1, 1], 16 kHz mono, for the model
    voice: [1920] int16, 48 kHz mono, the same 40 ms as people will hear them
    epoch: number of interruptions before it; what belongs to an older epoch is dropped
    captured_at_s: session clock when its last sample arrived, for latency figures
    """

    index: int
    pcm: Float32Array
    voice: Int16Array
    epoch: int = 0
    captured_at_s: float = 0.0

    def __post_init__(self) -> None:
        assert self.pcm.shape == (SAMPLES_PER_FRAME,), f"pcm {self.pcm.shape}, expected ({SAMPLES_PER_FRAME},)"
        assert self.voice.shape == (VOICE_SAMPLES_PER_FRAME,), (
            f"voice {self.voice.shape}, expected ({VOICE_SAMPLES_PER_FRAME},)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class ConditionedFrame:
    """A chunk of sound with what the network reads from it.

    audio_features: [audio_feature_dim] float32
    emotion: [num_emotions] float32, sums to 1
    """

    chunk: SpeechChunk
    audio_features: Float32Array
    emotion: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class MotionFrame:
    """A chunk of sound with the motion drawn for it.

    motion_latent: [latent_dim] float32
    following: [frames, latent_dim] float32, motion of the frames after it if silence lasts; None where someone speaks
        or nothing is drawn yet
    """

    chunk: SpeechChunk
    motion_latent: Float32Array
    following: Float32Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AvatarFrame:
    """One finished frame: the picture and the sound that belongs to it.

    image: [height, width, 3] uint8, RGB
    """

    chunk: SpeechChunk
    image: UInt8Array

    @property
    def index(self) -> int:
        """Position in the session, that of its sound."""
        return self.chunk.index
