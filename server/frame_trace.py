"""What became of every single frame, for a peer that measures; nothing is kept before it asks.

In: a frame rendered, released, coded. Out: one row of plain values a frame, once its packets are made. Times are of the
server's monotonic clock, which every process of one machine shares.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.click_marks import click_samples
from server.playout import PlayableFrame

MOST_ROWS = 256


class FrameTrace:
    """The frames of one session. Used from the event loop only."""

    def __init__(self) -> None:
        self.is_on = False
        self._stages_s: dict[int, Mapping[str, float]] = {}
        self._released: dict[int, dict[str, Any]] = {}
        self._coded: list[dict[str, Any]] = []

    def rendered(self, index: int, stages_s: Mapping[str, float]) -> None:
        """A frame is finished."""
        if self.is_on:
            self._stages_s[index] = stages_s
            _keep_newest(self._stages_s)

    def released(self, position: int, frame: PlayableFrame, now_s: float) -> None:
        """A frame goes to the tracks at this tick."""
        stages_s = self._stages_s.pop(frame.chunk.index, None)
        if not self.is_on or stages_s is None:
            return
        self._released[position] = {
            "index": frame.chunk.index,
            "position": position,
            "captured_at_s": frame.chunk.captured_at_s,
            "released_at_s": now_s,
            "click_samples": click_samples(frame.chunk.voice),
            "stages_s": {**stages_s, "wait": now_s - frame.rendered_at_s},
        }
        _keep_newest(self._released)

    def coded(self, position: int, coded_at_s: float) -> None:
        """The packets of a picture are made."""
        row = self._released.pop(position, None)
        if row is not None:
            row["coded_at_s"] = coded_at_s
            row["stages_s"]["encode"] = coded_at_s - row["released_at_s"]
            self._coded.append(row)

    def take(self) -> list[dict[str, Any]]:
        """The rows since the last time this was asked."""
        rows, self._coded = self._coded, []
        return rows


def _keep_newest(waiting: dict[int, Any]) -> None:
    while len(waiting) > MOST_ROWS:
        del waiting[next(iter(waiting))]
