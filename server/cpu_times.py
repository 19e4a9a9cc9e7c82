"""The processor time of the server by what it went into, read when Prometheus asks.

event_loop    signaling, WebRTC, sound in and out with its coders, the sessions' beat
coding        the video coder, and all else that threads of Python do
engine_calls  the engine thread inside engine calls
engine_else   the engine thread outside of them: the pipeline's Python, RGB to I420
engine_pool   threads that are not Python's: the engines' own
"""

import threading
import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from assembly.engine_times import EngineTimes
from server.render_worker import THREAD_NAME


class CpuTimes(Collector):
    """Counters of `avatar_cpu_seconds`, where the system tells the time of single threads."""

    def __init__(self, engine_times: EngineTimes) -> None:
        self._engine_times = engine_times

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The family of counters."""
        family = CounterMetricFamily("avatar_cpu_seconds", "Processor time, by what for.", labels=["part"])
        for part, time_s in self.read_s().items():
            family.add_metric([part], time_s)
        yield family

    def read_s(self) -> dict[str, float]:
        """Seconds by part since the process began; a thread that has ended is lost from its part, not from the sum."""
        if not hasattr(time, "pthread_getcpuclockid"):
            return {}
        engine_calls_s = self._engine_times.thread_cpu_s
        parts = {"event_loop": 0.0, "coding": 0.0, "engine_calls": engine_calls_s, "engine_else": -engine_calls_s}
        main = threading.main_thread()
        for thread in threading.enumerate():
            name = "event_loop" if thread is main else "engine_else" if thread.name == THREAD_NAME else "coding"
            parts[name] += _thread_cpu_s(thread)
        pool_s = time.process_time() - sum(parts.values())
        return {**{part: max(0.0, time_s) for part, time_s in parts.items()}, "engine_pool": max(0.0, pool_s)}


def _thread_cpu_s(thread: threading.Thread) -> float:
    if thread.ident is None:
        return 0.0
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    except OSError:
        return 0.0  # it ends at this moment
