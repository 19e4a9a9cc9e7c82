"""The two tracks the peer hears and sees.

In: what a tick releases. Out: `recv()`, from which the sender takes a frame, encodes it and sends it at once; so the
moment of `put` is the moment of sending, and the session's beat, not the tracks, decides it.

`recv()` gives frames or waits; it raises only after `stop()`, since any other exception ends a sender for good.
"""

import asyncio
from collections import deque
from fractions import Fraction
from typing import Generic, TypeVar

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from contract.packets import FRAMES_PER_S, VOICE_RATE_HZ, VOICE_SAMPLES_PER_FRAME, Int16Array, UInt8Array

# A longer frame would be coded as two packets with one timestamp, and half of the sound would be lost.
PACKET_SAMPLES = VOICE_SAMPLES_PER_FRAME // 2
MOST_PACKETS = 25
MOST_PICTURES = 3
VIDEO_RATE_HZ = 90_000
VOICE_TIME_BASE = Fraction(1, VOICE_RATE_HZ)
VIDEO_TIME_BASE = Fraction(1, VIDEO_RATE_HZ)

FrameT = TypeVar("FrameT", av.AudioFrame, av.VideoFrame)


class ReleasedFrames(Generic[FrameT]):
    """A bounded queue with one reader; the oldest make room."""

    def __init__(self, most_frames: int) -> None:
        self._frames: deque[FrameT] = deque()
        self._most_frames = most_frames
        self._arrived = asyncio.Event()
        self.num_dropped = 0

    def put(self, frame: FrameT) -> None:
        """Add the newest."""
        if len(self._frames) >= self._most_frames:
            self._frames.popleft()
            self.num_dropped += 1
        self._frames.append(frame)
        self._arrived.set()

    async def get(self) -> FrameT | None:
        """The oldest, when there is one; None once closed."""
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
            if not self._frames:
                return None
        return self._frames.popleft()

    def close(self) -> None:
        """Forget what waits and wake the reader."""
        self._frames.clear()
        self._arrived.set()


class VoiceTrack(MediaStreamTrack):
    """The delayed voice, 20 ms at a time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames: ReleasedFrames[av.AudioFrame] = ReleasedFrames(MOST_PACKETS)

    @property
    def num_unsent(self) -> int:
        """Packets overtaken before they were sent."""
        return self._frames.num_dropped

    def put(self, voice: Int16Array, pts_samples: int) -> None:
        """Send [960] int16 at 48 kHz now."""
        assert voice.shape == (PACKET_SAMPLES,), f"voice {voice.shape}, expected ({PACKET_SAMPLES},)"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(voice)[None, :], format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE_HZ
        frame.pts = pts_samples
        frame.time_base = VOICE_TIME_BASE
        self._frames.put(frame)

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, as soon as they are due."""
        frame = await self._frames.get() if self.readyState == "live" else None
        if frame is None or self.readyState != "live":
            raise MediaStreamError
        return frame

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._frames.close()


class PictureTrack(MediaStreamTrack):
    """The avatar's pictures."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._frames: ReleasedFrames[av.VideoFrame] = ReleasedFrames(MOST_PICTURES)

    @property
    def num_unsent(self) -> int:
        """Pictures overtaken before they were sent."""
        return self._frames.num_dropped

    def put(self, picture: UInt8Array, position: int) -> None:
        """Send an I420 picture, [height * 3 / 2, width] uint8, now; position: ticks before it."""
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = position * (VIDEO_RATE_HZ // FRAMES_PER_S)
        frame.time_base = VIDEO_TIME_BASE
        self._frames.put(frame)

    async def recv(self) -> av.VideoFrame:
        """The next picture, as soon as it is due."""
        frame = await self._frames.get() if self.readyState == "live" else None
        if frame is None or self.readyState != "live":
            raise MediaStreamError
        return frame

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._frames.close()
