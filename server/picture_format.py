"""From the avatar's RGB to the I420 that encoders take. A picture that comes again is not converted again."""

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from contract.packets import UInt8Array


class PictureFormat:
    """Converts pictures of one stream. A frame's own conversion would set its scaler up anew each time."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._last: tuple[UInt8Array, UInt8Array] | None = None

    def to_i420(self, image: UInt8Array) -> UInt8Array:
        """[height, width, 3] uint8 RGB as [height * 3 / 2, width] uint8; both sides even.

        Of the same array it gives the same: neither may be written to afterwards.
        """
        if self._last is not None and self._last[0] is image:
            return self._last[1]
        # The frame reads the array itself; a copy would be a fifth of the whole conversion.
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24")
        # Its own threads would outlive the stream, and a portrait is too small for them.
        converted = self._reformatter.reformat(frame, format="yuv420p", threads=1).to_ndarray()
        self._last = (image, converted.astype(np.uint8, copy=False))
        return self._last[1]
