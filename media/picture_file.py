"""A picture file, as one array.

In: a file of any format that FFmpeg reads (PNG, JPEG, WebP, ...). Out: RGB, upright as its camera meant it.
"""

from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext

from contract.errors import PortraitError
from contract.packets import UInt8Array
from media.picture_orientation import is_mirrored

MOST_PIXELS = 64_000_000
# Of a picture all of it in practice, since some formats put their EXIF block last; of a film, which may be far larger,
# no more than that.
MOST_EXIF_BYTES = 64 * 2**20
_BOUND = {"max_pixels": str(MOST_PIXELS)}
# Letters that FFmpeg would draw as a terminal shows them: by the file's name alone, whatever it holds.
_TEXT_FORMATS = ("tty", "bin", "xbin", "adf", "idf")


def read_picture(path: Path) -> UInt8Array:
    """The picture, [height, width, 3] uint8; of a film, its first frame. Raises PortraitError where there is none."""
    if not path.is_file():
        raise PortraitError(f"{path} is {'a folder' if path.is_dir() else 'not there'}, expected a picture file")
    try:
        # Looking into a file decodes its first picture already, so the bound is set before it is opened.
        # Without "file:" FFmpeg takes what stands before a colon in the name for a protocol.
        with av.open(f"file:{path}", options=_BOUND) as container:
            if not container.streams.video or container.format.name in _TEXT_FORMATS:
                raise PortraitError(f"{path} holds no picture, expected a file such as PNG or JPEG")
            stream = container.streams.video[0]
            if Disposition.dependent in stream.disposition:
                raise PortraitError(f"{path} is stored in tiles, as HEIC files of phones are: expected JPEG or PNG")
            codec: VideoCodecContext | None = stream.codec_context
            if codec is None:
                kind = container.format.long_name
                raise PortraitError(f"{path} is of a format that can't be read ({kind}), expected such as PNG or JPEG")
            codec.options = _BOUND
            frame = next(container.decode(stream), None)
    except (av.FFmpegError, OSError) as error:
        if _is_animated_webp(path):
            raise PortraitError(
                f"{path} is an animated WebP, expected a still picture, such as one of its frames"
            ) from error
        raise PortraitError(
            f"{path} is no picture that can be read, or has more than {MOST_PIXELS // 10**6} million pixels: {error}"
        ) from error
    if frame is None:
        raise PortraitError(f"{path} holds no picture, expected a file such as PNG or JPEG")
    picture = _on_white(frame) if _may_be_transparent(frame) else frame.to_ndarray(format="rgb24")
    # Cameras and phones store the picture as the sensor saw it, and how far to turn it.
    with path.open("rb") as file:
        head = file.read(MOST_EXIF_BYTES)
    if is_mirrored(head):
        picture = picture[::-1]
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90)).astype(np.uint8)


def _is_animated_webp(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(21)
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 21 and bool(head[20] & 2)


def _may_be_transparent(frame: av.VideoFrame) -> bool:
    # A palette's colours carry their own transparency, which the format's components don't tell.
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def _on_white(frame: av.VideoFrame) -> UInt8Array:
    """The picture as it looks on white paper, [height, width, 3] uint8."""
    rgba = frame.to_ndarray(format="rgba")
    picture = np.empty((*rgba.shape[:2], 3), np.uint8)
    # Row by row: at once, the steps between would hold a huge picture many times over.
    for row, painted in zip(rgba, picture, strict=True):
        colour, alpha = row[:, :3].astype(np.uint16), row[:, 3:].astype(np.uint16)
        painted[:] = (colour * alpha + 255 * (255 - alpha) + 127) // 255
    return picture
