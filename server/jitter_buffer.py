"""A jitter buffer that buffers nothing.

aiortc's own holds 80 ms of audio back, and after one lost packet 280 ms more for the rest of the call. What comes
late or never is the business of `audio_ingest`, which sees the gap in the timestamps.
"""

from typing import Protocol

from aiortc.jitterbuffer import JitterFrame

MOST_MISORDERED_PACKETS = 100
SEQUENCE_NUMBERS = 1 << 16


class DepayloadedPacket(Protocol):
    """An RTP packet as aiortc's receiver hands it over."""

    sequence_number: int
    timestamp: int
    _data: bytes


class PassThroughJitterBuffer:
    """Gives every packet on at once; drops what is late or doubled."""

    def __init__(self) -> None:
        self._newest: int | None = None

    def add(self, packet: DepayloadedPacket) -> tuple[bool, JitterFrame | None]:
        """(whether a picture must be asked for: never, the packet as a frame or None)."""
        if self._newest is not None:
            lateness = (self._newest - packet.sequence_number) % SEQUENCE_NUMBERS
            # Far behind means that the sender began a new count, not that the packet is very late.
            if lateness < MOST_MISORDERED_PACKETS:
                return False, None
        self._newest = packet.sequence_number
        return False, JitterFrame(packet._data, packet.timestamp)
