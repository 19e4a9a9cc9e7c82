"""Figures of a benchmark of calls that was never run."""

from bench.call_figures import CallFigures
from bench.machine import this_machine
from bench.server_load import ServerLoad
from bench.session_report import RunReport, SessionReport, run_report
from bench.session_settings import SessionSettings

LOAD = ServerLoad(30.0, 12.0, {"event_loop": 8.0, "coding": 4.0, "engine_calls": 18.0}, 180.5, 190.0)


def call(eye_ms: float, repeated: int = 0) -> CallFigures:
    """One viewer's call, whose clicks were seen after 1 to 3 times so long."""
    stages_ms = {"window": [120.0, 130.0], "decode": [10.0, 12.0], "mic_to_eye": [eye_ms, 2 * eye_ms, 3 * eye_ms]}
    return CallFigures(stages_ms, {"frames_released": 50, "frames_repeated": repeated}, 3, 3, 2, 300.0)


def run(eye_ms: float = 200.0, num_sessions: int = 1, repeated: int = 0) -> RunReport:
    """Two rounds, the second twice as slow."""
    rounds = [[call(eye_ms, repeated)] * num_sessions, [call(2 * eye_ms)] * num_sessions]
    return run_report(rounds, [LOAD, LOAD], viewers_cpu_percent=15.0)


def report(eye_ms: float = 200.0) -> SessionReport:
    """Two kinds of call."""
    runs = {"pattern, aiortc": run(eye_ms / 2), "avatar, aiortc": run(eye_ms)}
    return SessionReport(this_machine(), SessionSettings(num_rounds=2), runs, sessions_sustained=2)
