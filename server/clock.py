"""The session's clock: the only place where the server learns what time it is, so that tests can own it."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A clock that never goes back."""

    def now_s(self) -> float:
        """Seconds since some fixed moment; callable from any thread."""
        ...

    async def sleep_until(self, time_s: float) -> None:
        """Return at `time_s`, at once where that is past."""
        ...


class MonotonicClock:
    """The machine's monotonic clock."""

    def now_s(self) -> float:
        """Seconds since some fixed moment; callable from any thread."""
        return time.monotonic()

    async def sleep_until(self, time_s: float) -> None:
        """Return at `time_s`, at once where that is past."""
        await asyncio.sleep(max(0.0, time_s - time.monotonic()))
