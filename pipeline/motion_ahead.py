"""Motion drawn ahead of its sound while nobody speaks: fewer windows in silence, and none later for it.

A window of 40 new frames costs little more than one of 5. In silence the sound to come is assumed to go on as it is,
and a window of `QUIET_FRAMES` is drawn; it is given out hop by hop, each when its own sound is there and is as assumed.
The first frames that are not, and all after them, are dropped and drawn as ever, from the last frame given: for the
sampler that is a seam like any other. A detector of voices alone may miss a soft beginning, so features are compared.
"""

from dataclasses import dataclass

import numpy as np

from contract.packets import ConditionedFrame, Float32Array

QUIET_FRAMES = 40
# How far from what was assumed features may lie, as a share of its length. In the avatar that ships noise of a room
# (-40 dB of full scale) makes 0.15 of nearly all frames, and nearly all frames of speech are beyond 0.8.
ASSUMED_SHARE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """motion: [frames, latent_dim] float32; audio_features, emotion: float32, that all were drawn from."""

    motion: Float32Array
    audio_features: Float32Array
    emotion: Float32Array


class MotionAhead:
    """What is drawn and not given yet."""

    def __init__(self) -> None:
        self._drawn: _Drawn | None = None

    @property
    def motion(self) -> Float32Array | None:
        """[frames, latent_dim] float32, from the frame after the last one given; None where nothing is."""
        return None if self._drawn is None else self._drawn.motion

    def clear(self) -> None:
        """Forget what is drawn."""
        self._drawn = None

    def keep(self, motion: Float32Array, frame: ConditionedFrame) -> None:
        """Keep motion [frames, latent_dim] float32 beyond what is given now; frame: the last whose sound is there."""
        self._drawn = _Drawn(motion, frame.audio_features, frame.emotion) if len(motion) else None

    def take(self, num_frames: int, frames: list[ConditionedFrame]) -> Float32Array | None:
        """The next frames' motion [num_frames, latent_dim] float32, or None, and nothing is kept, where it won't do.

        frames: those and their look-ahead, whose sound is there now
        """
        drawn, self._drawn = self._drawn, None
        if drawn is None or len(drawn.motion) < num_frames:
            return None
        if any(not self._is_as_assumed(drawn, frame) for frame in frames):
            return None
        if len(drawn.motion) > num_frames:
            self._drawn = _Drawn(drawn.motion[num_frames:], drawn.audio_features, drawn.emotion)
        return drawn.motion[:num_frames]

    @staticmethod
    def _is_as_assumed(drawn: _Drawn, frame: ConditionedFrame) -> bool:
        apart = np.linalg.norm(frame.audio_features - drawn.audio_features)
        is_near = apart <= ASSUMED_SHARE * np.linalg.norm(drawn.audio_features)
        return bool(is_near) and np.array_equal(frame.emotion, drawn.emotion)
