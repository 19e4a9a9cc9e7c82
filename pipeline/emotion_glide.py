"""Motion goes over from one emotion to another without a jump.

In: motion as the new emotion has it, and once, where it begins, how far from it the old emotion's would have been. Out:
motion that sets out from the old and arrives at the new `EMOTION_GLIDE_FRAMES` later.

A face drawn with another emotion is another face from the first frame on: a smile is there within 40 ms. The difference
is added back and fades as a raised cosine. Differences add up, so an emotion that changes again on the way is no jump
either. Beyond the frames that were drawn with both emotions the last difference is kept.

The same serves where a stream went back, faster: from where the face stands to the motion that goes on from there.
"""

import numpy as np

from contract.packets import Float32Array

EMOTION_GLIDE_FRAMES = 15  # 0.6 s, about as long as a face takes
# A mouth that was open in mid-word is shut 0.16 s later, as in speech; at once it would be shut within one frame.
SPLICE_GLIDE_FRAMES = 3


def remainder(num_frames: int) -> Float32Array:
    """What is left of a difference at its first, second, ... frame: [num_frames] float32."""
    through = np.arange(1, num_frames + 1) / (num_frames + 1)
    return (0.5 + 0.5 * np.cos(np.pi * through)).astype(np.float32)


class EmotionGlide:
    """The differences of one stream that still fade."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start anew: nothing fades."""
        self._fading: list[Float32Array] = []

    def remaining(self, num_frames: int) -> tuple[Float32Array, ...]:
        """What will still fade after so many frames: [frames, latent_dim] float32 each."""
        return tuple(fading[num_frames:] for fading in self._fading if len(fading) > num_frames)

    def restore(self, fading: tuple[Float32Array, ...]) -> None:
        """Go back to where this was what faded."""
        self._fading = list(fading)

    def begin(self, difference: Float32Array, num_frames: int = EMOTION_GLIDE_FRAMES) -> None:
        """Let a difference fade from the next frame on.

        difference: [at least 1, latent_dim] float32, old motion less new motion of the next frames
        num_frames: that show something of it
        """
        missing = max(0, num_frames - len(difference))
        held = np.concatenate([difference, np.repeat(difference[-1:], missing, axis=0)])[:num_frames]
        self._fading.append(held * remainder(num_frames)[:, None])

    def added(self, motion: Float32Array) -> Float32Array:
        """The next frames with what is left of the differences, which go on. motion: [frames, latent_dim] float32."""
        for fading in self._fading:
            motion = motion.copy()
            motion[: len(fading)] += fading[: len(motion)]
        return motion

    def push(self, motion: Float32Array) -> Float32Array:
        """The next frames with what is left of the differences. motion: [frames, latent_dim] float32."""
        glided = self.added(motion)
        self._fading = list(self.remaining(len(motion)))
        return glided
