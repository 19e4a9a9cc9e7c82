"""A microphone that plays a sound again and again, and knows when each of its samples was spoken."""

import asyncio
import time
from collections.abc import Sequence
from fractions import Fraction

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from contract.packets import VOICE_RATE_HZ, Int16Array

PACKET_SAMPLES = VOICE_RATE_HZ // 50


class Microphone(MediaStreamTrack):
    """The sound as a track, in time: a packet leaves when its last sample was spoken, as one of a real microphone."""

    kind = "audio"

    def __init__(self, sound: Int16Array, click_starts: Sequence[int] = ()) -> None:
        """sound: [samples] int16 at 48 kHz, a whole number of packets; click_starts: first samples of its clicks."""
        assert len(sound) and len(sound) % PACKET_SAMPLES == 0, f"{len(sound)} samples, expected packets of 20 ms"
        super().__init__()
        self._sound = sound
        self._click_starts = tuple(click_starts)
        self._began_s: float | None = None
        self._position = 0

    def click_times_s(self) -> list[float]:
        """When each click began, up to now, on the machine's monotonic clock."""
        if self._began_s is None:
            return []
        num_repeats = self._position // len(self._sound) + 1
        samples = [turn * len(self._sound) + start for turn in range(num_repeats) for start in self._click_starts]
        return [self._began_s + sample / VOICE_RATE_HZ for sample in samples if sample < self._position]

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, when they are over."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._began_s is None:
            self._began_s = time.monotonic()
        due_s = self._began_s + (self._position + PACKET_SAMPLES) / VOICE_RATE_HZ
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        start = self._position % len(self._sound)
        frame = av.AudioFrame.from_ndarray(
            self._sound[None, start : start + PACKET_SAMPLES], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = VOICE_RATE_HZ, self._position, Fraction(1, VOICE_RATE_HZ)
        self._position += PACKET_SAMPLES
        return frame
