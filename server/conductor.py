"""The beat of a session: every 40 ms a tick, 20 ms later the half tick, on one clock from one origin.

Times are integer products of the tick's number, so nothing accumulates. A beat that comes a little late is made up
for. After a longer hole (a busy machine, a sleeping one) the beat goes on from now: making up would ask the
microphone's buffer for sound that is still unread in the socket, and send a burst of what nobody waits for any more.
"""

from collections.abc import Callable

from contract.packets import FRAMES_PER_S
from server.clock import Clock
from server.session_counts import SessionCounts

MOST_TICKS_BEHIND = 2
READING_TIME_S = 0.005


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
        """Beat until cancelled."""
        origin_s = self._clock.now_s()
        tick = 0
        while True:
            await self._clock.sleep_until(origin_s + tick / FRAMES_PER_S)
            if self._ticks_behind(origin_s, tick) > MOST_TICKS_BEHIND:
                # What came meanwhile is read first.
                await self._clock.sleep_until(self._clock.now_s() + READING_TIME_S)
                skipped = self._ticks_behind(origin_s, tick)
                self._counts.ticks_skipped += skipped
                tick += skipped
            self._on_tick()
            await self._clock.sleep_until(origin_s + (2 * tick + 1) / (2 * FRAMES_PER_S))
            self._on_half_tick()
            tick += 1

    def _ticks_behind(self, origin_s: float, tick: int) -> int:
        return int((self._clock.now_s() - origin_s) * FRAMES_PER_S) - tick
