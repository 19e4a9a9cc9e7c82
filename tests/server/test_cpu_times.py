"""The processor's time is told by what it went into, and all of it is."""

import threading
import time

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from assembly.engine_times import EngineTimes
from server.cpu_times import CpuTimes
from server.render_worker import THREAD_NAME


def burn(time_s: float) -> None:
    """Work for that long on this thread."""
    until_s = time.thread_time() + time_s
    while time.thread_time() < until_s:
        pass


def test_work_counts_for_the_thread_that_did_it() -> None:
    engine_times = EngineTimes()
    cpu = CpuTimes(engine_times)
    before_s = cpu.read_s()
    done, seen = threading.Event(), threading.Event()

    def work() -> None:
        burn(0.2)
        engine_times.thread_cpu_s += 0.15
        done.set()
        seen.wait(30)

    thread = threading.Thread(target=work, name=THREAD_NAME)
    thread.start()
    burn(0.1)
    assert done.wait(30)
    after_s = cpu.read_s()
    seen.set()
    thread.join()
    grown_s = {part: after_s[part] - before_s[part] for part in after_s}
    assert grown_s["event_loop"] == pytest.approx(0.1, abs=0.08)
    assert grown_s["engine_calls"] == pytest.approx(0.15)
    assert grown_s["engine_else"] == pytest.approx(0.05, abs=0.04)


def test_the_parts_are_read_by_prometheus() -> None:
    registry = CollectorRegistry()
    registry.register(CpuTimes(EngineTimes()))
    told = generate_latest(registry).decode()
    for part in ("event_loop", "coding", "engine_calls", "engine_else", "engine_pool"):
        assert f'avatar_cpu_seconds_total{{part="{part}"}}' in told
