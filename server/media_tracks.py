"""The two tracks the peer hears and sees.

In: what a tick releases. Out: `recv()`, from which the sender takes a frame, encodes it and sends it at once; so the
moment of `put` is the moment of sending, and the session's beat, not the tracks, decides it.

`recv()` gives frames or waits; it raises only after `stop()`, since any other exception ends a sender for good.
"""

import asyncio
from collections import deque
from collections.abc import Callable
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
        self._is_read = False
        self._is_closed = False
        self.num_dropped = 0

    @property
    def waiting(self) -> tuple[FrameT, ...]:
        """What the reader has not taken yet; none where there is no reader."""
        return tuple(self._frames) if self._is_read else ()

    def put(self, frame: FrameT) -> None:
        """Add the newest."""
        if len(self._frames) >= self._most_frames:
            self._frames.popleft()
            self.num_dropped += 1
        self._frames.append(frame)
        self._arrived.set()

    async def get(self) -> FrameT | None:
        """The oldest, when there is one; None once closed."""
        self._is_read = True
        while not self._frames:
            if self._is_closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._frames.popleft()

    def clear(self) -> None:
        """Forget what waits."""
        self._frames.clear()

    def close(self) -> None:
        """Forget what waits and wake the reader."""
        self._is_closed = True
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

    def silence(self) -> int:
        """Make silence of the packets that wait, at their time; gives the number of samples."""
        waiting = self._frames.waiting
        self._frames.clear()
        for frame in waiting:
            assert frame.pts is not None, "every packet has its time"
            self.put(np.zeros(PACKET_SAMPLES, np.int16), frame.pts)
        return len(waiting) * PACKET_SAMPLES

    def put(self, voice: Int16Array, pts_samples: int) -> None:
        """Send [960] int16 at 48 kHz now."""
        assert voice.shape == (PACKET_SAMPLES,), f"voice {voice.shape}, expected ({PACKET_SAMPLES},)"
        frame = av.AudioFrame("s16", "mono", PACKET_SAMPLES)
        frame.planes[0].update(voice.tobytes())
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

    def take_back(self) -> int:
        """Forget the pictures that wait; gives their number."""
        num_waiting = len(self._frames.waiting)
        self._frames.clear()
        return num_waiting

    def put(self, picture: UInt8Array, position: int, on_coded: Callable[[], None] | None = None) -> None:
        """Send an I420 picture, [height * 3 / 2, width] uint8, now; nobody may write to it any more.

        position: ticks before it
        on_coded: called by the thread that codes, when its packets are made
        """
        # The frame reads the array itself: the coder makes the only copy.
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="yuv420p")
        frame.pts = position * (VIDEO_RATE_HZ // FRAMES_PER_S)
        frame.time_base = VIDEO_TIME_BASE
        # The coder knows neither track nor session: the picture itself says whom to tell.
        frame.opaque = on_coded
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
