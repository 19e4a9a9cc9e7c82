"""`float-avatar bench session` as a call: the real server, real viewers, and where the time goes from mic to eye.

In:  what to serve and whom to call it with
Out: `SessionReport`: a table for people, JSON for the record, a plot

Each call has a server of its own, started and warm. Server and viewers share the machine's cores, and what the viewers
take of them stands beside the figures.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from bench.call_figures import CallFigures
from bench.call_sound import speech_with_clicks
from bench.chromium_call import chromium_call
from bench.headless_calls import headless_calls
from bench.live_server import live_server
from bench.machine import this_machine
from bench.server_load import ServerLoad
from bench.session_report import RunReport, SessionReport, run_report
from bench.session_settings import SessionSettings
from contract.errors import ConfigError
from contract.packets import Int16Array

PATTERN = ("--test-pattern", "--hop-frames", "1", "--lookahead-frames", "0")
# One more session is too many where mic to eye is this many times that of one alone.
MOST_TIMES_ALONE = 2.0
Sound = tuple[Int16Array, list[int]]
OnStep = Callable[[str], None]


def bench_session(settings: SessionSettings, on_step: OnStep = lambda step: None) -> SessionReport:
    """Measure; raises ConfigError, NegotiationError. on_step: told what is being done."""
    if settings.viewer == "chromium" and not has_chromium():
        raise ConfigError("viewer 'chromium' needs Chromium and the package playwright, expected both to be installed")
    machine = this_machine()
    sound = speech_with_clicks(settings.speech)
    runs: dict[str, RunReport] = {}
    subjects: dict[str, tuple[str, ...]] = {"pattern": PATTERN} if settings.has_transport else {}
    subjects["avatar"] = settings.serve_arguments()
    for subject, arguments in subjects.items():
        if settings.viewer != "chromium":
            name = f"{subject}, aiortc"
            runs[name] = _headless(name, settings, arguments, 1, sound, on_step)
        if settings.viewer != "aiortc" and has_chromium():
            name = f"{subject}, chromium"
            runs[name] = _in_chromium(name, settings, arguments, sound, on_step)
    sustained = None
    if settings.viewer != "chromium":
        sustained = _sustained(settings, runs, sound, on_step)
    return SessionReport(machine, settings, runs, sustained)


def has_chromium() -> bool:
    """True where Chromium and what drives it are installed."""
    if find_spec("playwright") is None:
        return False
    from bench.live_page import find_chromium

    return find_chromium() is not None


def is_sustained(run: RunReport, alone: RunReport) -> bool:
    """True where every session is nearly as good as one alone: its 95th percentile below twice, no frame repeated."""
    eye, eye_alone = run.stages.get("mic_to_eye"), alone.stages.get("mic_to_eye")
    if eye is None or eye_alone is None:
        return False
    return eye.p95 <= MOST_TIMES_ALONE * eye_alone.p95 and run.counts.get("frames_repeated", 0) == 0


def _sustained(settings: SessionSettings, runs: dict[str, RunReport], sound: Sound, on_step: OnStep) -> int:
    """How many sessions at once are sustained, up to the most that are tried; the runs are added to `runs`."""
    alone = runs["avatar, aiortc"]
    if not is_sustained(alone, alone):
        return 0
    for num_sessions in range(2, settings.most_sessions + 1):
        name = f"avatar, {num_sessions} aiortc"
        runs[name] = _headless(name, settings, settings.serve_arguments(), num_sessions, sound, on_step)
        if not is_sustained(runs[name], alone):
            return num_sessions - 1
    return settings.most_sessions


def _headless(
    name: str, settings: SessionSettings, arguments: tuple[str, ...], num_viewers: int, sound: Sound, on_step: OnStep
) -> RunReport:
    rounds: list[list[CallFigures]] = []
    loads: list[ServerLoad] = []
    viewer_cpu_s = process_time()
    with TemporaryDirectory(prefix="float-avatar-bench-") as folder:
        for number in range(settings.num_rounds):
            on_step(f"{name}, round {number + 1} of {settings.num_rounds}")
            log = Path(folder) / "server.log"
            with live_server(log, *arguments, max_sessions=num_viewers, mark_clicks=True) as server:
                found, load = headless_calls(server, num_viewers, settings.duration_s, *sound)
            rounds.append(found)
            loads.append(load)
    lasted_s = settings.duration_s * settings.num_rounds
    return run_report(rounds, loads, 100 * (process_time() - viewer_cpu_s) / lasted_s)


def _in_chromium(
    name: str, settings: SessionSettings, arguments: Sequence[str], sound: Sound, on_step: OnStep
) -> RunReport:
    rounds: list[list[CallFigures]] = []
    loads: list[ServerLoad] = []
    with TemporaryDirectory(prefix="float-avatar-bench-") as folder:
        for number in range(settings.num_rounds):
            on_step(f"{name}, round {number + 1} of {settings.num_rounds}")
            log = Path(folder) / "server.log"
            with live_server(log, *arguments, max_sessions=1, mark_clicks=True) as server:
                call, load = chromium_call(server, settings.duration_s, sound, Path(folder))
            rounds.append([call])
            loads.append(load)
    return run_report(rounds, loads, None)
