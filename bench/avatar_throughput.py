"""`float-avatar bench avatar`: how many frames a second an avatar gives without a network, and what they cost.

In:  a bundle, profiles, a voice
Out: `AvatarReport`: of each profile talking and idle, frames a second, time and processor's work by stage

A stream is pushed as fast as it takes sound. Rounds are interleaved: each runs every profile in both states once more,
so that what else the machine does hits all alike. Idle is digital silence after a while of it. The conversion to the
video coder's colours is the server's; `bench session` has it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from assembly.avatar_factory import open_avatar
from assembly.engine_times import EngineTimes, time_engines
from bench.machine import Machine, this_machine
from bench.sound_files import read_resampled
from bench.text_table import aligned
from contract.errors import ConfigError
from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, SpeechChunk, UInt8Array
from pipeline.avatar import Avatar, StreamSettings
from pipeline.portrait import Portrait
from pipeline.profile import PROFILES, Profile
from pipeline.speech_like import speech_like

STATES = ("talking", "idle")
SETTLE_S = 3.0
STAGES = ("audio", "flow", "decode")


@dataclass(frozen=True, slots=True)
class ThroughputSettings:
    """What is asked for; raises ConfigError where it has no meaning.

    bundle: the avatar's folder
    hop_frames, lookahead_frames: one pair instead of the named profiles
    speech: a file of speech; None is made
    duration_s: of sound in each run
    num_threads: of each engine; None is their own choice
    """

    bundle: Path
    hop_frames: int | None = None
    lookahead_frames: int | None = None
    speech: Path | None = None
    duration_s: float = 10.0
    num_rounds: int = 3
    engine: str = "auto"
    num_threads: int | None = None

    def __post_init__(self) -> None:
        if self.duration_s <= 0 or self.num_rounds < 1:
            raise ConfigError(
                f"{self.num_rounds} rounds of {self.duration_s:g} s, expected at least one of some length"
            )

    def profiles(self) -> tuple[Profile, ...]:
        """Those to measure."""
        if self.hop_frames is None and self.lookahead_frames is None:
            return PROFILES
        return (Profile("custom", self.hop_frames or 1, self.lookahead_frames or 0),)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Throughput:
    """One profile in one state; medians of the rounds.

    frames_per_s: as fast as it goes
    stages_ms: of a frame by stage, on the wall clock: audio, flow, decode, and python, which is all else
    engines_cpu_ms: processor's time inside engine calls a frame, of all threads
    cpu_ms: of the whole process a frame
    """

    frames_per_s: float
    stages_ms: Mapping[str, float]
    engines_cpu_ms: float
    cpu_ms: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rounded = {stage: round(time_ms, 3) for stage, time_ms in self.stages_ms.items()}
        total_ms = max(sum(self.stages_ms.values()), 1e-9)
        return {
            "frames_per_s": round(self.frames_per_s, 2),
            "real_time_share": round(FRAMES_PER_S / self.frames_per_s, 4),
            "stages_ms": rounded,
            "stage_shares": {stage: round(time_ms / total_ms, 4) for stage, time_ms in self.stages_ms.items()},
            "engines_cpu_ms": round(self.engines_cpu_ms, 3),
            "cpu_ms": round(self.cpu_ms, 3),
        }


@dataclass(frozen=True, slots=True)
class AvatarReport:
    """Every figure of one benchmark; runs: by profile's name and state."""

    machine: Machine
    settings: ThroughputSettings
    profiles: tuple[Profile, ...]
    runs: Mapping[str, Mapping[str, Throughput]]

    def idle_ratios(self) -> dict[str, float]:
        """Of each profile, the engines' work in silence over that in speech."""
        return {
            name: round(states["idle"].engines_cpu_ms / max(states["talking"].engines_cpu_ms, 1e-9), 4)
            for name, states in self.runs.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": "avatar",
            "machine": self.machine.to_json(),
            "settings": self.settings.to_json(),
            "profiles": {profile.name: asdict(profile) for profile in self.profiles},
            "runs": {
                name: {state: each.to_json() for state, each in states.items()} for name, states in self.runs.items()
            },
            "idle_over_talking": self.idle_ratios(),
        }

    def table(self) -> str:
        """All figures as text."""
        machine = self.machine
        rows: list[tuple[str, ...]] = [
            ("profile", "", "frames/s", "of real time", *STAGES, "python", "engines' CPU", "CPU")
        ]
        for name, states in self.runs.items():
            for state, each in states.items():
                stages = (f"{each.stages_ms.get(stage, 0.0):.2f}" for stage in (*STAGES, "python"))
                share = f"{100 * FRAMES_PER_S / each.frames_per_s:.0f} %"
                cpu = (f"{each.engines_cpu_ms:.2f}", f"{each.cpu_ms:.2f}")
                rows.append((name, state, f"{each.frames_per_s:.1f}", share, *stages, *cpu))
        ratios = ", ".join(f"{name} {ratio:.2f}" for name, ratio in self.idle_ratios().items())
        return "\n".join(
            [
                f"{machine.processor}, {', '.join(machine.flags)}; {machine.num_cores} cores, "
                f"{machine.memory_gib} GiB; commit {machine.commit or 'unknown'}",
                f"{self.settings.bundle}; {self.settings.num_rounds} rounds of {self.settings.duration_s:g} s; "
                "times in ms a frame",
                "",
                *aligned(rows),
                "",
                f"Engines' work, idle over talking: {ratios}",
            ]
        )


def bench_avatar(
    settings: ThroughputSettings, picture: UInt8Array, on_step: Callable[[str], None] = lambda step: None
) -> AvatarReport:
    """Measure; raises ConfigError, BundleError, EngineError, PortraitError.

    picture: [height, width, 3] uint8, RGB, of a face
    on_step: told what is being done
    """
    machine = this_machine()
    profiles = settings.profiles()
    on_step(f"opening {settings.bundle}")
    avatar = open_avatar(settings.bundle, settings.engine, num_threads=settings.num_threads)
    try:
        times = EngineTimes(time.perf_counter, time.process_time)
        time_engines(avatar, times)
        portrait = avatar.prepare(picture)
        found: dict[str, dict[str, list[Throughput]]] = {}
        for number in range(settings.num_rounds):
            for profile in profiles:
                fitted = profile.fitted(avatar.spec)
                for state in STATES:
                    on_step(f"{profile.name}, {state}, round {number + 1} of {settings.num_rounds}")
                    chunks = silence() if state == "idle" else voice(settings.speech)
                    run = measure(avatar, portrait, fitted, chunks, settings.duration_s, times)
                    found.setdefault(profile.name, {}).setdefault(state, []).append(run)
    finally:
        avatar.close()
    runs = {name: {state: _median(each) for state, each in states.items()} for name, states in found.items()}
    return AvatarReport(machine, settings, profiles, runs)


def measure(
    avatar: Avatar,
    portrait: Portrait,
    profile: Profile,
    chunks: Iterator[SpeechChunk],
    duration_s: float,
    times: EngineTimes,
) -> Throughput:
    """Push so much sound, after a while that is not measured, and take what the frames cost.

    times: of the avatar's engines, on `time.perf_counter` and `time.process_time`
    """
    stream = avatar.start(portrait, StreamSettings(profile.hop_frames, profile.lookahead_frames))
    # Whole windows, so that none is paid for of which frames are missing.
    hop = profile.hop_frames
    settle_frames = -(-round(SETTLE_S * FRAMES_PER_S) // hop) * hop + stream.delay_frames
    num_frames = max(hop, round(duration_s * FRAMES_PER_S) // hop * hop)
    for chunk in islice(chunks, settle_frames):
        for _ in stream.push(chunk):
            pass
    times.take()
    began_s, cpu_s, engines_cpu_s = time.perf_counter(), time.process_time(), times.thread_cpu_s
    num_given = sum(1 for chunk in islice(chunks, num_frames) for _ in stream.push(chunk))
    lasted_s = time.perf_counter() - began_s
    cpu_s, engines_cpu_s = time.process_time() - cpu_s, times.thread_cpu_s - engines_cpu_s
    spent_s = times.take()
    stages_ms = {stage: 1000 * spent_s.get(stage, 0.0) / num_given for stage in STAGES}
    stages_ms["python"] = 1000 * lasted_s / num_given - sum(stages_ms.values())
    return Throughput(num_given / lasted_s, stages_ms, 1000 * engines_cpu_s / num_given, 1000 * cpu_s / num_given)


def silence() -> Iterator[SpeechChunk]:
    """Chunks of nothing, without end."""
    pcm, sound = np.zeros(SAMPLES_PER_FRAME, np.float32), np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
    return (SpeechChunk(index, pcm, sound) for index in count())


def voice(path: Path | None) -> Iterator[SpeechChunk]:
    """Chunks of a file again and again, or of a buzz in syllables, without end."""
    if path is None:
        return speech_like()
    sound = read_resampled(path)
    if len(sound) < VOICE_SAMPLES_PER_FRAME:
        raise ConfigError(f"{path} holds {len(sound)} samples of sound, expected at least {VOICE_SAMPLES_PER_FRAME}")
    frames = sound[: len(sound) // VOICE_SAMPLES_PER_FRAME * VOICE_SAMPLES_PER_FRAME].reshape(
        -1, VOICE_SAMPLES_PER_FRAME
    )
    pcm = (frames.reshape(len(frames), SAMPLES_PER_FRAME, -1).mean(2) / 32768).astype(np.float32)
    return (SpeechChunk(index, pcm[index % len(pcm)], frames[index % len(frames)]) for index in count())


def _median(runs: Sequence[Throughput]) -> Throughput:
    stages = {stage: median(run.stages_ms[stage] for run in runs) for stage in runs[0].stages_ms}
    return Throughput(
        frames_per_s=median(run.frames_per_s for run in runs),
        stages_ms=stages,
        engines_cpu_ms=median(run.engines_cpu_ms for run in runs),
        cpu_ms=median(run.cpu_ms for run in runs),
    )
