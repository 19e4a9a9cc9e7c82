"""Motion becomes a picture.

In: `MotionFrame`. Out: `AvatarFrame`. Each frame stands alone, so nothing waits here and there is nothing to reset.
"""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.packets import AvatarFrame, Float32Array, MotionFrame, UInt8Array
from engines.base import Engine, Run


def to_picture(frame: NDArray[np.generic]) -> UInt8Array:
    """A decoded frame as 8-bit RGB.

    frame: [3, height, width], [-1, 1] with some overshoot, which is clipped
    Returns [height, width, 3] uint8.
    """
    # OpenCV scales, rounds to the nearest and clips in one pass, without arrays of floats in between: half the time of
    # NumPy, and a quarter of it for bringing the colours of a pixel together.
    colours = [
        cv2.addWeighted(colour, 127.5, colour, 0.0, 127.5, dtype=cv2.CV_8U)
        for colour in frame.astype(np.float32, copy=False)
    ]
    return np.asarray(cv2.merge(colours), np.uint8)


class Picture(Protocol):
    """A picture that may not be there yet."""

    @property
    def image(self) -> UInt8Array:
        """[height, width, 3] uint8 RGB; waits for it. Raises EngineRunError."""
        ...


class Painting:
    """A picture that is being painted."""

    def __init__(self, run: Run) -> None:
        """run: of the frame decoder."""
        self._run: Run | None = run
        self._image: UInt8Array | None = None

    @property
    def image(self) -> UInt8Array:
        """The picture, when it is painted."""
        if self._image is None:
            assert self._run is not None, "a painting without a picture has its run"
            self._image, self._run = to_picture(self._run.outputs()["frame"][0]), None
        return self._image


class FrameRenderer:
    """Paints the frames of one portrait."""

    def __init__(self, engine: Engine) -> None:
        """engine: the frame decoder, with the portrait's identity latent and feature pyramid bound."""
        self._engine = engine

    @property
    def frames_at_once(self) -> int:
        """How many are painted beside each other."""
        return self._engine.runs_at_once

    def push(self, frame: MotionFrame) -> AvatarFrame:
        """Decode one frame."""
        return AvatarFrame(frame.chunk, self.paint(frame.motion_latent))

    def paint(self, motion_latent: Float32Array) -> UInt8Array:
        """The picture [height, width, 3] uint8 of a motion [latent_dim] float32."""
        return self.begin(motion_latent).image

    def begin(self, motion_latent: Float32Array) -> Painting:
        """Begin to paint a motion [latent_dim] float32, which nobody writes to any more."""
        return Painting(self._engine.begin(motion_latent=motion_latent[None]))
