"""A headless viewer: it calls a server, speaks into it, and notes when each picture and each sound was there.

A viewer of aiortc without buffers (bench.arrival_buffer) and without a screen: a picture is there when it is decoded, a
sample when its packet is decoded and the samples before it have been played. Server and viewer run on one machine and
read one monotonic clock.
"""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import av
import httpx
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from numpy.typing import NDArray

from bench.arrival_buffer import ArrivalBuffer, tap
from bench.microphone import Microphone
from contract.errors import NegotiationError
from contract.packets import Int16Array

# The mark of pipeline.click_marks: a quarter of either side, read without its border.
MARK_SHARE = 4
BORDER_PX = 4
FLASH_GREY = 127
CONNECT_LIMIT_S = 20.0
TICK_PTS = 3600  # of pictures, at 90 kHz


@dataclass(slots=True)
class Seen:
    """One picture. position: ticks since the first one; arrived_at_s: its last packet; given_at_s: decoded."""

    position: int
    arrived_at_s: float
    given_at_s: float
    is_flash: bool


@dataclass(slots=True)
class Heard:
    """One packet of sound. start: its first sample since the first packet's; samples: [960] int16."""

    start: int
    given_at_s: float
    samples: Int16Array


@dataclass(slots=True)
class CallRecord:
    """All that a viewer noted, times on the machine's monotonic clock.

    offered_at_s: when the offer was posted
    rows: the server's trace, one a frame
    counts: the server's, (when they came, counts)
    """

    offered_at_s: float = 0.0
    click_times_s: list[float] = field(default_factory=list)
    pictures: list[Seen] = field(default_factory=list)
    voice: list[Heard] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: list[tuple[float, dict[str, int]]] = field(default_factory=list)


class Viewer:
    """One call. Use it from one event loop."""

    def __init__(self, http: httpx.AsyncClient, microphone: Microphone) -> None:
        self.record = CallRecord()
        self._http = http
        self._microphone = microphone
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._readers: list[asyncio.Task[None]] = []
        self._buffers: dict[str, ArrivalBuffer] = {}
        channel = self._connection.createDataChannel("events")
        channel.on("open", lambda: channel.send(json.dumps({"type": "trace"})))
        channel.on("message", self._on_message)
        self._connection.addTransceiver(microphone, "sendrecv")
        self._connection.addTransceiver("video", "recvonly")
        self._connection.on("track", self._on_track)

    async def call(self, portrait: str | None = None) -> None:
        """Offer, take the answer and wait for the first picture; raises NegotiationError where it does not come."""
        await self._connection.setLocalDescription()
        self.record.offered_at_s = time.monotonic()
        response = await self._http.post(
            "/v1/whip",
            content=self._connection.localDescription.sdp,
            headers={"Content-Type": "application/sdp"},
            params={} if portrait is None else {"portrait": portrait},
        )
        if response.status_code != 201:
            raise NegotiationError(f"the server answered {response.status_code}: {response.text[:200]}")
        for transceiver in self._connection.getTransceivers():
            self._buffers[transceiver.kind] = tap(transceiver.receiver, transceiver.kind == "video")
        await self._connection.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        end_s = time.monotonic() + CONNECT_LIMIT_S
        while not self.record.pictures:
            if time.monotonic() > end_s:
                raise NegotiationError(f"no picture came within {CONNECT_LIMIT_S:g} s")
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Hang up."""
        self.record.click_times_s = self._microphone.click_times_s()
        await self._connection.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def _on_message(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "trace":
            self.record.rows += message["frames"]
        elif message["type"] == "stats":
            self.record.counts.append((time.monotonic(), message["counts"]))

    def _on_track(self, track: MediaStreamTrack) -> None:
        reading = self._watch(track) if track.kind == "video" else self._listen(track)
        self._readers.append(asyncio.ensure_future(reading))

    async def _watch(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                given_at_s = time.monotonic()
                assert isinstance(frame, av.VideoFrame) and frame.pts is not None
                arrived_at_s = self._buffers["video"].arrived_at_s.pop(frame.pts, given_at_s)
                self.record.pictures.append(Seen(frame.pts // TICK_PTS, arrived_at_s, given_at_s, shows_mark(frame)))

    async def _listen(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                given_at_s = time.monotonic()
                assert isinstance(frame, av.AudioFrame) and frame.pts is not None
                left = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
                self.record.voice.append(Heard(frame.pts, given_at_s, left.astype(np.int16)))


def shows_mark(frame: av.VideoFrame) -> bool:
    """True where the upper left of a yuv420p picture is white."""
    plane = frame.planes[0]
    grey: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    corner = grey[BORDER_PX : frame.height // MARK_SHARE - BORDER_PX, BORDER_PX : frame.width // MARK_SHARE - BORDER_PX]
    return bool(corner.mean() > FLASH_GREY)
