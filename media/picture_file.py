"""A picture file, as one array.

In: a file of any format that FFmpeg reads (PNG, JPEG, WebP, ...). Out: RGB, upright as its camera meant it.
"""

from pathlib import Path

import av
import numpy as np

from contract.errors import PortraitError
from contract.packets import UInt8Array


def read_picture(path: Path) -> UInt8Array:
    """The picture, [height, width, 3] uint8; of a film, its first frame. Raises PortraitError where there is none."""
    if not path.is_file():
        raise PortraitError(f"{path} is {'a folder' if path.is_dir() else 'not there'}, expected a picture file")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise PortraitError(f"{path} holds no picture, expected a file such as PNG or JPEG")
            frame = next(container.decode(container.streams.video[0]), None)
    except (av.FFmpegError, OSError) as error:
        raise PortraitError(f"{path} is no picture that can be read: {error}") from error
    if frame is None:
        raise PortraitError(f"{path} holds no picture, expected a file such as PNG or JPEG")
    picture = frame.to_ndarray(format="rgb24")
    # Cameras and phones store the picture as the sensor saw it, and how far to turn it.
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90)).astype(np.uint8)
