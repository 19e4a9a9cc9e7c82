"""The faces a caller may choose from.

In: pictures with names. Out: their list, small copies of them, and portraits, each prepared once, when first asked for.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from contract.errors import ConfigError, PortraitNotFoundError
from contract.packets import UInt8Array
from pipeline.avatar import Avatar
from pipeline.portrait import Portrait
from server.render_worker import RenderWorker

THUMBNAIL_PX = 512
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PortraitChoice:
    """One face.

    picture: [height, width, 3] uint8, RGB
    crop: the face is still to be found; False where the picture is already framed as the model wants it
    """

    name: str
    title: str
    picture: UInt8Array
    crop: bool = False


class PortraitGallery:
    """All faces, in the order they are shown."""

    def __init__(self, choices: Sequence[PortraitChoice], default_name: str) -> None:
        """Raises ConfigError where the default is none of the choices."""
        self._choices = {choice.name: choice for choice in choices}
        if default_name not in self._choices:
            raise ConfigError(f"portrait {default_name!r}, expected one of {', '.join(self._choices)}")
        self.default_name = default_name
        self._prepared: dict[str, Portrait] = {}
        self._thumbnails: dict[str, bytes] = {}

    def all(self) -> list[PortraitChoice]:
        """Every choice, the default first."""
        return sorted(self._choices.values(), key=lambda choice: choice.name != self.default_name)

    def find(self, name: str | None) -> PortraitChoice:
        """The face of that name, None = the default; raises PortraitNotFoundError."""
        choice = self._choices.get(self.default_name if name is None else name)
        if choice is None:
            raise PortraitNotFoundError(f"no portrait is called {name!r}, expected one of {', '.join(self._choices)}")
        return choice

    async def prepare(self, choice: PortraitChoice, avatar: Avatar, worker: RenderWorker) -> Portrait:
        """What the avatar needs of a face; raises PortraitError where it can't use the picture."""
        if choice.name not in self._prepared:
            portrait = await worker.call(lambda: avatar.prepare(choice.picture, choice.crop))
            self._prepared[choice.name] = portrait
            for warning in portrait.warnings:
                log.warning("Portrait %s: %s.", choice.name, warning)
        return self._prepared[choice.name]

    def thumbnail(self, choice: PortraitChoice) -> bytes:
        """A small PNG of a face."""
        if choice.name not in self._thumbnails:
            self._thumbnails[choice.name] = to_png(choice.picture)
        return self._thumbnails[choice.name]


def to_png(picture: UInt8Array) -> bytes:
    """PNG of a picture [height, width, 3] uint8 RGB, scaled so that its longer side is at most THUMBNAIL_PX."""
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    scale = min(1.0, THUMBNAIL_PX / max(frame.width, frame.height))
    width_px, height_px = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, VideoCodecContext), f"png is {type(codec).__name__}, expected a video codec"
    codec.width, codec.height, codec.pix_fmt = width_px, height_px, "rgb24"
    codec.framerate = Fraction(1)
    small = frame.reformat(width=width_px, height=height_px, format="rgb24")
    return b"".join(bytes(packet) for packet in [*codec.encode(small), *codec.encode(None)])
