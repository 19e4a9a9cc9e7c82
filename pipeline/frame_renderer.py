"""Motion becomes a picture.

In: `MotionFrame`. Out: `AvatarFrame`. Each frame stands alone, so nothing waits here and there is nothing to reset.
"""

import cv2
import numpy as np

from contract.packets import AvatarFrame, Float32Array, MotionFrame, UInt8Array
from engines.base import Engine


def to_picture(frame: Float32Array) -> UInt8Array:
    """A decoded frame as 8-bit RGB.

    frame: [3, height, width] float32, [-1, 1] with some overshoot, which is clipped
    Returns [height, width, 3] uint8.
    """
    levels = np.multiply(frame, 127.5)
    # Half a level is added so that the cut of the conversion rounds to the nearest.
    levels += 128.0
    np.clip(levels, 0, 255, out=levels)
    # NumPy takes four times as long to bring the colours of a pixel together.
    return np.asarray(cv2.merge(list(levels.astype(np.uint8))), np.uint8)


class FrameRenderer:
    """Paints the frames of one portrait."""

    def __init__(self, engine: Engine) -> None:
        """engine: the frame decoder, with the portrait's identity latent and feature pyramid bound."""
        self._engine = engine

    def push(self, frame: MotionFrame) -> AvatarFrame:
        """Decode one frame."""
        return AvatarFrame(frame.chunk, self.paint(frame.motion_latent))

    def paint(self, motion_latent: Float32Array) -> UInt8Array:
        """The picture [height, width, 3] uint8 of a motion [latent_dim] float32."""
        decoded = self._engine.run(motion_latent=motion_latent[None])["frame"][0]
        return to_picture(decoded.astype(np.float32, copy=False))
