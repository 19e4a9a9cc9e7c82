"""Many values of one kind, and the few that are told of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Distribution:
    """Percentiles of `num` values, interpolated between neighbours."""

    num: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Distribution | None":
        """Of these values; None where there are none."""
        given = np.asarray(list(values), np.float64)
        if not len(given):
            return None
        p50, p95, p99 = np.percentile(given, [50, 95, 99])
        return cls(len(given), float(p50), float(p95), float(p99))

    def to_json(self) -> dict[str, Any]:
        """Plain values, in hundredths."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def median_of_rounds(rounds: Sequence[Distribution]) -> Distribution:
    """Of each percentile the median of the rounds', so that one bad round does not decide; the numbers add up."""
    return Distribution(
        sum(each.num for each in rounds),
        median(each.p50 for each in rounds),
        median(each.p95 for each in rounds),
        median(each.p99 for each in rounds),
    )
