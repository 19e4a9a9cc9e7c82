"""How long frames stayed in each stage: what a session tells its peer once a second."""

from collections import deque
from math import ceil

from contract.packets import FRAMES_PER_S

RECENT_FRAMES = 10 * FRAMES_PER_S
SHARES = (0.5, 0.95)


class StageTimes:
    """Time in each stage: means since the last report, percentiles over the last `RECENT_FRAMES`."""

    def __init__(self) -> None:
        self._sums_s: dict[str, float] = {}
        self._nums: dict[str, int] = {}
        self._recent_s: dict[str, deque[float]] = {}

    def add(self, stage: str, time_s: float) -> None:
        """Take one frame's time in one stage."""
        self._sums_s[stage] = self._sums_s.get(stage, 0.0) + time_s
        self._nums[stage] = self._nums.get(stage, 0) + 1
        self._recent_s.setdefault(stage, deque(maxlen=RECENT_FRAMES)).append(time_s)

    def report_ms(self) -> dict[str, float]:
        """Means in ms, one decimal, of the stages that were seen. The next report begins anew."""
        means = {stage: round(1000 * total / self._nums[stage], 1) for stage, total in self._sums_s.items()}
        self._sums_s, self._nums = {}, {}
        return means

    def percentiles_ms(self) -> dict[str, tuple[float, ...]]:
        """Median and 95th percentile (nearest rank) in ms, one decimal, of each stage's last ten seconds of frames."""
        found: dict[str, tuple[float, ...]] = {}
        for stage, recent_s in self._recent_s.items():
            ordered = sorted(recent_s)
            ranks = (max(0, ceil(share * len(ordered)) - 1) for share in SHARES)
            found[stage] = tuple(round(1000 * ordered[rank], 1) for rank in ranks)
        return found
