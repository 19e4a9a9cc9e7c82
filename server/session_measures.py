"""What one session measures of its frames, for its peer and for Prometheus.

In: frames as they are rendered, released and coded; counts. Out: times by stage, rows of a trace, and Prometheus's
figures, which grow.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from server.clock import Clock
from server.frame_trace import FrameTrace
from server.metrics import Metrics
from server.playout import PlayableFrame
from server.render_lane import RenderedFrame
from server.session_counts import SessionCounts
from server.stage_times import StageTimes

MOST_CODED = 128


class SessionMeasures:
    """The measures of one session. Used from the event loop, but for what `coding` gives."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._published = SessionCounts()
        self._stages = StageTimes()
        self._trace = FrameTrace()
        # (position, released at, coded at) of pictures; filled by the thread that codes.
        self._coded: deque[tuple[int, float, float]] = deque(maxlen=MOST_CODED)

    def trace(self) -> None:
        """Keep from now on what becomes of every frame."""
        self._trace.is_on = True

    def rendered(self, rendered: RenderedFrame) -> None:
        """A frame is finished."""
        self._trace.rendered(rendered.frame.chunk.index, rendered.stages_s)
        for stage, time_s in rendered.stages_s.items():
            self._add(stage, time_s)

    def released(self, position: int, frame: PlayableFrame, connected_at_s: float, now_s: float) -> None:
        """A frame goes to the tracks at this tick."""
        total_s = now_s - frame.chunk.captured_at_s
        self._add("wait", now_s - frame.rendered_at_s)
        self._stages.add("total", total_s)
        self._trace.released(position, frame, now_s)
        self._metrics.latency.observe(total_s)
        if position == 0:
            self._metrics.time_to_first_frame.observe(now_s - connected_at_s)

    def coding(self, position: int, released_at_s: float) -> Callable[[], None]:
        """To be called when the packets of that picture are made, by the thread that makes them."""
        clock, coded = self._clock, self._coded
        return lambda: coded.append((position, released_at_s, clock.now_s()))

    def take_stages(self) -> dict[str, object]:
        """Times by stage since this was last asked, and over the last ten seconds, as the `stats` message has them."""
        for _ in range(len(self._coded)):
            position, released_at_s, coded_at_s = self._coded.popleft()
            self._add("encode", coded_at_s - released_at_s)
            self._trace.coded(position, coded_at_s)
        return {"stages_ms": self._stages.report_ms(), "stage_percentiles_ms": self._stages.percentiles_ms()}

    def take_trace(self) -> list[dict[str, Any]]:
        """Rows of the trace since this was last asked."""
        return self._trace.take()

    def publish(self, counts: SessionCounts) -> None:
        """Tell Prometheus what was counted since this was last called."""
        now = replace(counts)
        self._metrics.add_counts(self._published, now)
        self._published = now

    def _add(self, stage: str, time_s: float) -> None:
        self._stages.add(stage, time_s)
        self._metrics.add_stage(stage, time_s)
