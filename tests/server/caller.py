"""A caller for tests: an aiortc client and a real server on a loopback port, in one event loop."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
import uvicorn
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from pipeline.avatar import Avatar
from pipeline.test_pattern import TestPatternAvatar
from server.admission import Admission
from server.app import create_app
from server.config import ServerConfig
from server.portraits import PortraitChoice, PortraitGallery

PACKET_SAMPLES = 960


def plain_gallery() -> PortraitGallery:
    """Two faces that are flat colours."""
    return PortraitGallery(
        [
            PortraitChoice("anna", "Anna", np.full((64, 48, 3), 90, np.uint8)),
            PortraitChoice("ben", "Ben", np.full((600, 600, 3), 200, np.uint8)),
        ],
        "anna",
    )


@dataclass
class RunningServer:
    """A server that listens."""

    http: httpx.AsyncClient
    admission: Admission
    app: Any

    async def until_empty(self, within_s: float) -> float:
        """Wait until no session is left; gives the seconds it took."""
        began_s = time.monotonic()
        while self.admission.num_sessions:
            assert time.monotonic() - began_s < within_s, f"{self.admission.num_sessions} sessions after {within_s} s"
            await asyncio.sleep(0.02)
        return time.monotonic() - began_s


@asynccontextmanager
async def running_server(avatar: Avatar | None = None, **settings: Any) -> AsyncIterator[RunningServer]:
    """A server on a free loopback port, ready for calls; its profile is that of a fast machine unless asked for."""
    config = ServerConfig.read(**{"profile": "interactive", **settings})
    app = create_app(config, avatar or TestPatternAvatar(), plain_gallery())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none", loop="none"))
    serving = asyncio.get_running_loop().create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            while (await http.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)
            yield RunningServer(http, app.state.admission, app)
    finally:
        server.should_exit = True
        await serving


class ClickTrack(MediaStreamTrack):
    """A microphone: near silence of a known pattern, and a click at the beginning of every `interval_frames`."""

    kind = "audio"

    def __init__(self, interval_frames: int = 25) -> None:
        super().__init__()
        self._interval_samples = interval_frames * 1920
        self._began_s: float | None = None
        self._pts = 0
        self.click_times_s: list[float] = []

    async def recv(self) -> av.AudioFrame:
        """20 ms, every 20 ms."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._began_s is None:
            self._began_s = time.monotonic()
        await asyncio.sleep(self._began_s + self._pts / 48000 - time.monotonic())
        samples = np.zeros(PACKET_SAMPLES, np.int16)
        if self._pts % self._interval_samples == 0:
            samples[:240] = np.where(np.arange(240) // 12 % 2, 30000, -30000)
            self.click_times_s.append(time.monotonic())
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._pts, Fraction(1, 48000)
        self._pts += PACKET_SAMPLES
        return frame


@dataclass
class Received:
    """What came back: (when, what) of each."""

    pictures: list[tuple[float, av.VideoFrame]] = field(default_factory=list)
    voices: list[tuple[float, av.AudioFrame]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)


class Caller:
    """A peer that calls a server."""

    def __init__(
        self, http: httpx.AsyncClient, microphone: MediaStreamTrack | None = None, wants_voice: bool = True
    ) -> None:
        self._http = http
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.received = Received()
        self.location = ""
        self.channel: RTCDataChannel = self.connection.createDataChannel("events")
        self.channel.on("message", lambda text: self.received.messages.append(json.loads(text)))
        if microphone is not None:
            self.connection.addTransceiver(microphone, "sendrecv" if wants_voice else "sendonly")
        else:
            self.connection.addTransceiver("audio", "recvonly")
        self.connection.addTransceiver("video", "recvonly")
        self._readers: list[asyncio.Task[None]] = []
        self.connection.on("track", lambda track: self._readers.append(asyncio.ensure_future(self._read(track))))

    async def offer(self) -> str:
        """The offer's SDP."""
        await self.connection.setLocalDescription()
        return self.connection.localDescription.sdp

    async def call(self, portrait: str | None = None, emotion: str | None = None) -> httpx.Response:
        """Offer, and take the answer."""
        response = await post_offer(self._http, await self.offer(), portrait, emotion)
        assert response.status_code == 201, response.text
        self.location = response.headers["location"]
        await self.connection.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        return response

    async def until_connected(self, within_s: float = 10) -> None:
        """Wait for the connection."""
        began_s = time.monotonic()
        while self.connection.connectionState != "connected":
            assert time.monotonic() - began_s < within_s, f"{self.connection.connectionState} after {within_s} s"
            await asyncio.sleep(0.01)

    async def until_pictures(self, number: int, within_s: float = 20) -> None:
        """Wait for that many pictures."""
        began_s = time.monotonic()
        while len(self.received.pictures) < number:
            assert time.monotonic() - began_s < within_s, f"{len(self.received.pictures)} pictures after {within_s} s"
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Hang up by closing the connection, and wait for the readers."""
        await self.connection.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _read(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                where: list[Any] = self.received.pictures if track.kind == "video" else self.received.voices
                where.append((time.monotonic(), frame))


async def post_offer(
    http: httpx.AsyncClient, sdp: str, portrait: str | None = None, emotion: str | None = None
) -> httpx.Response:
    """POST an offer."""
    wanted = {"portrait": portrait, "emotion": emotion}
    params = {name: value for name, value in wanted.items() if value is not None}
    return await http.post("/v1/whip", content=sdp, headers={"Content-Type": "application/sdp"}, params=params)
