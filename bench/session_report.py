"""The figures of a benchmark of calls, for people and for the record.

In: `CallFigures` and loads, by round. Out: tables, JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.call_figures import CallFigures
from bench.distribution import Distribution, median_of_rounds
from bench.machine import Machine
from bench.server_load import ServerLoad
from bench.session_settings import SessionSettings
from bench.text_table import aligned

# In the order in which a sound and its picture pass them, and then what is told of whole ways.
STAGES = ("capture", "ingest", "window", "audio", "flow", "queue", "decode", "python", "convert", "wait", "encode",
          "network", "jitter_buffer")  # fmt: skip
WAYS = ("mic_to_eye", "mic_to_ear", "transport", "av_skew", "av_skew_size", "first_frame")


@dataclass(frozen=True, slots=True)
class RunReport:
    """One kind of call.

    stages: by name, those of STAGES and WAYS that were measured, in ms
    counts: of all rounds and viewers together
    num_clicks, num_clicks_seen, num_clicks_heard: sent, found in pictures, found in the voice
    load: of the server, medians of the rounds; None where it could not be read
    viewers_cpu_percent: of one core, what the viewers took; None where they are no part of this process
    """

    num_sessions: int
    stages: Mapping[str, Distribution]
    counts: Mapping[str, int]
    num_clicks: int
    num_clicks_seen: int
    num_clicks_heard: int
    load: Mapping[str, Any]
    viewers_cpu_percent: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "num_sessions": self.num_sessions,
            "stages_ms": {name: each.to_json() for name, each in self.stages.items()},
            "counts": dict(self.counts),
            "num_clicks": self.num_clicks,
            "num_clicks_seen": self.num_clicks_seen,
            "num_clicks_heard": self.num_clicks_heard,
            "load": dict(self.load),
            "overhead_percent_a_session": self.overhead_percent_a_session,
            "viewers_cpu_percent": None if self.viewers_cpu_percent is None else round(self.viewers_cpu_percent, 1),
        }

    @property
    def overhead_percent_a_session(self) -> float | None:
        """Of one core: all that the server does but for the engines, for each session."""
        overhead = self.load.get("overhead_percent")
        return None if overhead is None else round(overhead / self.num_sessions, 2)


@dataclass(frozen=True, slots=True)
class SessionReport:
    """Every figure of one benchmark.

    runs: by name
    sessions_sustained: at once; None where it was not looked for
    """

    machine: Machine
    settings: SessionSettings
    runs: Mapping[str, RunReport]
    sessions_sustained: int | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": "session",
            "machine": self.machine.to_json(),
            "settings": self.settings.to_json(),
            "runs": {name: run.to_json() for name, run in self.runs.items()},
            "sessions_sustained": self.sessions_sustained,
        }

    def table(self) -> str:
        """All figures as text."""
        machine, settings = self.machine, self.settings
        lines = [
            f"{machine.processor}, {', '.join(machine.flags)}; {machine.num_cores} cores, {machine.memory_gib} GiB; "
            f"commit {machine.commit or 'unknown'}",
            f"{settings.duration_s:g} s of each call, {settings.num_rounds} rounds; "
            + " ".join(settings.serve_arguments()),
        ]
        for name, run in self.runs.items():
            lines += ["", *_run_lines(name, run)]
        if self.sessions_sustained is not None:
            most = " (no more were tried)" if self.sessions_sustained == settings.most_sessions else ""
            lines += ["", f"Sessions at once before mic to eye doubles or a frame is repeated: "
                      f"{self.sessions_sustained}{most}"]  # fmt: skip
        return "\n".join(lines)


def run_report(
    rounds: Sequence[Sequence[CallFigures]], loads: Sequence[ServerLoad], viewers_cpu_percent: float | None
) -> RunReport:
    """One kind of call, measured in rounds of as many viewers each."""
    stages: dict[str, list[Distribution]] = {}
    for calls in rounds:
        values: dict[str, list[float]] = {"first_frame": [call.first_frame_ms for call in calls]}
        for call in calls:
            for stage, times_ms in call.stages_ms.items():
                values.setdefault(stage, []).extend(times_ms)
        for stage, times_ms in values.items():
            found = Distribution.of(times_ms)
            if found is not None:
                stages.setdefault(stage, []).append(found)
    calls = [call for each in rounds for call in each]
    return RunReport(
        num_sessions=len(rounds[0]),
        stages={name: median_of_rounds(stages[name]) for name in (*STAGES, *WAYS) if name in stages},
        counts=_sums([call.counts for call in calls]),
        num_clicks=sum(call.num_clicks for call in calls),
        num_clicks_seen=sum(call.num_clicks_seen for call in calls),
        num_clicks_heard=sum(call.num_clicks_heard for call in calls),
        load=_medians([load.to_json() for load in loads]),
        viewers_cpu_percent=viewers_cpu_percent,
    )


def _sums(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for each in counts for name in each)
    return {name: sum(each.get(name, 0) for each in counts) for name in names}


def _medians(loads: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not loads:
        return {}
    return {
        name: _medians([load[name] for load in loads])
        if isinstance(value, Mapping)
        else median(load.get(name, 0.0) for load in loads)
        for name, value in loads[0].items()
    }


def _run_lines(name: str, run: RunReport) -> list[str]:
    rows = [("ms", "p50", "p95", "p99", "of")]
    rows += [
        (stage.replace("_", " "), f"{each.p50:.1f}", f"{each.p95:.1f}", f"{each.p99:.1f}", str(each.num))
        for stage, each in run.stages.items()
    ]
    told = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in run.counts.items())
    lines = [
        f"{name}: {run.num_sessions} at once",
        *(f"  {line}" for line in aligned(rows)),
        f"  {told}",
        f"  clicks {run.num_clicks}, seen {run.num_clicks_seen}, heard {run.num_clicks_heard}",
    ]
    if run.load:
        parts = ", ".join(f"{part.replace('_', ' ')} {share:.1f}" for part, share in run.load["parts_percent"].items())
        lines += [
            f"  server {run.load['cpu_percent']:.1f} % of one core ({parts}); but for the engines "
            f"{run.overhead_percent_a_session:.1f} % a session",
            f"  memory {run.load['memory_mib']:.0f} MiB, at most {run.load['peak_memory_mib']:.0f}",
        ]
    if run.viewers_cpu_percent is not None:
        lines.append(f"  viewers {run.viewers_cpu_percent:.1f} % of one core")
    return lines
