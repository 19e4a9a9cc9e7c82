"""What comes before a viewer's decoders: nothing is held back, and the moment at which each frame had arrived is kept.

aiortc's own buffers add 80 ms to the sound, and 40 ms to pictures, each of which waits for the next one's first packet.
They are put aside by a private name, which `tap` looks for; aiortc is pinned to 1.16.
"""

import time
from typing import Protocol

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame

from contract.errors import ConfigError

SEQUENCE_NUMBERS = 1 << 16
TIMESTAMPS = 1 << 32
MOST_MISORDERED_PACKETS = 100
_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"


class Packet(Protocol):
    """An RTP packet as aiortc's receiver hands it over."""

    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes


class ArrivalBuffer:
    """Gives a frame on as soon as its last packet is there.

    arrived_at_s: by timestamp since the first frame's, on the machine's monotonic clock
    """

    def __init__(self, is_video: bool) -> None:
        self.arrived_at_s: dict[int, float] = {}
        self._is_video = is_video
        self._newest: int | None = None
        self._origin: int | None = None
        self._parts: list[bytes] = []
        self._is_broken = False

    def add(self, packet: Packet) -> tuple[bool, JitterFrame | None]:
        """(whether a picture must be asked for, the frame that is whole now or None)."""
        now_s = time.monotonic()
        lost = False
        if self._newest is not None:
            if (self._newest - packet.sequence_number) % SEQUENCE_NUMBERS < MOST_MISORDERED_PACKETS:
                return False, None
            lost = (packet.sequence_number - self._newest) % SEQUENCE_NUMBERS != 1
        self._newest = packet.sequence_number
        if not self._is_video:
            return False, self._whole(packet, packet._data, now_s)
        self._is_broken |= lost
        self._parts.append(packet._data)
        if not packet.marker:
            return lost, None
        data, is_broken = b"".join(self._parts), self._is_broken
        self._parts, self._is_broken = [], False
        return lost, None if is_broken else self._whole(packet, data, now_s)

    def _whole(self, packet: Packet, data: bytes, now_s: float) -> JitterFrame:
        if self._origin is None:
            self._origin = packet.timestamp
        self.arrived_at_s[(packet.timestamp - self._origin) % TIMESTAMPS] = now_s
        return JitterFrame(data, packet.timestamp)


def tap(receiver: RTCRtpReceiver, is_video: bool) -> ArrivalBuffer:
    """Put such a buffer into a receiver; raises ConfigError where aiortc is not the one it was made for."""
    if not hasattr(receiver, _JITTER_BUFFER):
        raise ConfigError(f"RTCRtpReceiver has no {_JITTER_BUFFER}, expected that of aiortc 1.16")
    buffer = ArrivalBuffer(is_video)
    setattr(receiver, _JITTER_BUFFER, buffer)
    return buffer
