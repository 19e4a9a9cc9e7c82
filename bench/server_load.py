"""What a server takes of the machine between two moments: processor time by what for, and memory.

In: the server's process and its /metrics. Out: `ServerLoad`.
"""

import re
import time
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from bench.live_server import LiveServer

_CPU = re.compile(r'^avatar_cpu_seconds_total\{part="(\w+)"\} (\S+)$', re.MULTILINE)
ENGINES = ("engine_calls", "engine_pool")


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """Shares of one core.

    cpu_percent: of the whole process
    overhead_percent: of all but the engines: coding, conversion, the network, Python
    parts_percent: as server.cpu_times tells them
    memory_mib, peak_memory_mib: resident at the end, and the most so far
    """

    cpu_percent: float
    overhead_percent: float
    parts_percent: dict[str, float]
    memory_mib: float
    peak_memory_mib: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class LoadMeter:
    """Reads at its making and at `read`."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._before_s, self._began_s = self._parts_s(), time.monotonic()

    def read(self) -> ServerLoad:
        """The load since the making."""
        lasted_s = time.monotonic() - self._began_s
        after_s = self._parts_s()
        parts = {
            part: round(max(0.0, 100 * (time_s - self._before_s.get(part, 0.0)) / lasted_s), 2)
            for part, time_s in after_s.items()
        }
        return ServerLoad(
            cpu_percent=round(sum(parts.values()), 2),
            overhead_percent=round(sum(share for part, share in parts.items() if part not in ENGINES), 2),
            parts_percent=parts,
            memory_mib=round(self._server.memory_bytes / 2**20, 1),
            peak_memory_mib=round(self._server.peak_memory_bytes / 2**20, 1),
        )

    def _parts_s(self) -> dict[str, float]:
        text = httpx.get(self._server.url + "metrics", timeout=10).text
        return {part: float(time_s) for part, time_s in _CPU.findall(text)}
