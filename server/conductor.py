"""The beat of a session: every 40 ms a tick, 20 ms later the half tick, on one clock from one origin.

Times are integer products of the tick's number, so nothing accumulates.
"""

from collections.abc import Callable

from contract.packets import FRAMES_PER_S
from server.clock import Clock
from server.session_counts import SessionCounts

MOST_TICKS_BEHIND = 10


class Conductor:
    """Calls `on_tick` and `on_half_tick` in turn, for ever."""

    def __init__(
        self, clock: Clock, on_tick: Callable[[], None], on_half_tick: Callable[[], None], counts: SessionCounts
    ) -> None:
        self._clock = clock
        self._on_tick = on_tick
        self._on_half_tick = on_half_tick
        self._counts = counts

    async def run(self) -> None:
        """Beat until cancelled. Ticks that are a little late are made up for; long pauses are skipped."""
        origin_s = self._clock.now_s()
        tick = 0
        while True:
            await self._clock.sleep_until(origin_s + tick / FRAMES_PER_S)
            ticks_behind = int((self._clock.now_s() - origin_s) * FRAMES_PER_S) - tick
            if ticks_behind > MOST_TICKS_BEHIND:
                # The machine slept: making up for it would be a burst of old sound.
                self._counts.ticks_skipped += ticks_behind
                tick += ticks_behind
            self._on_tick()
            await self._clock.sleep_until(origin_s + (2 * tick + 1) / (2 * FRAMES_PER_S))
            self._on_half_tick()
            tick += 1
