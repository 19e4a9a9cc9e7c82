"""Several headless viewers in calls with one server at once.

In: a running server, a sound. Out: `CallFigures`, one a viewer, and the server's load.
"""

import asyncio
import time
from collections.abc import Sequence

import httpx
import numpy as np

from bench.call_figures import CallFigures, call_figures
from bench.live_server import LiveServer
from bench.microphone import PACKET_SAMPLES, Microphone
from bench.server_load import LoadMeter, ServerLoad
from bench.viewer import Viewer
from contract.packets import Int16Array

# Coders and buffers settle first.
SETTLE_S = 3.0
# What was spoken last is still on its way, and the server tells once a second what it did.
ENDING_S = 2.5


def headless_calls(
    server: LiveServer, num_viewers: int, duration_s: float, sound: Int16Array, click_starts: Sequence[int]
) -> tuple[list[CallFigures], ServerLoad]:
    """Call with so many viewers, measure for so long; raises NegotiationError where a call does not begin.

    sound: [samples] int16 at 48 kHz with clicks at `click_starts`; every viewer plays it from another place
    """
    return asyncio.run(_calls(server, num_viewers, duration_s, sound, click_starts))


async def _calls(
    server: LiveServer, num_viewers: int, duration_s: float, sound: Int16Array, click_starts: Sequence[int]
) -> tuple[list[CallFigures], ServerLoad]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        viewers = [Viewer(http, _microphone(sound, click_starts, i, num_viewers)) for i in range(num_viewers)]
        try:
            for viewer in viewers:
                await viewer.call()
            await asyncio.sleep(SETTLE_S)
            meter = await asyncio.to_thread(LoadMeter, server)
            from_s = time.monotonic()
            await asyncio.sleep(duration_s)
            to_s = time.monotonic()
            load = await asyncio.to_thread(meter.read)
            await asyncio.sleep(ENDING_S)
        finally:
            for viewer in viewers:
                await viewer.close()
    return [call_figures(viewer.record, from_s, to_s) for viewer in viewers], load


def _microphone(sound: Int16Array, click_starts: Sequence[int], number: int, num_viewers: int) -> Microphone:
    """The sound from a place of this viewer's own, so that not all are loud or click at once."""
    shift = len(sound) * number // num_viewers // PACKET_SAMPLES * PACKET_SAMPLES
    starts = sorted((start - shift) % len(sound) for start in click_starts)
    return Microphone(np.roll(sound, -shift), starts)
