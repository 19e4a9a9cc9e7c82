"""What the engines of an avatar take, by stage: the pipeline has no clock, so the engines it is given have one.

In: an open avatar. Out: the same avatar, and `EngineTimes` that grow with every run of its engines.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contract.spec import ComponentName
from engines.base import Array, Engine, Run
from pipeline.avatar import Avatar, AvatarEngines, NeuralAvatar

STAGES: dict[ComponentName, str] = {
    "audio_encoder": "audio",
    "emotion_classifier": "audio",
    "flow_transformer": "flow",
    "frame_decoder": "decode",
    "portrait_encoder": "portrait",
}


class EngineTimes:
    """Time inside engine calls. Written and taken by the thread that runs the engines.

    thread_cpu_s: processor time of the calling thread inside all calls so far; what an engine's own threads work is
        not in it
    """

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, thread_cpu_s: Callable[[], float] = time.thread_time
    ) -> None:
        """Begin at nothing; both clocks are read before and after each call."""
        self.thread_cpu_s = 0.0
        self._now_s = now_s
        self._read_thread_cpu_s = thread_cpu_s
        self._spent_s: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what is done within to the stage's time."""
        began_s, cpu_s = self._now_s(), self._read_thread_cpu_s()
        try:
            yield
        finally:
            self._spent_s[stage] = self._spent_s.get(stage, 0.0) + self._now_s() - began_s
            self.thread_cpu_s += self._read_thread_cpu_s() - cpu_s

    def take(self) -> dict[str, float]:
        """Seconds of each stage that was run since the last time this was asked."""
        spent_s, self._spent_s = self._spent_s, {}
        return spent_s


class TimedRun:
    """A run that has begun; waiting for it is timed."""

    def __init__(self, run: Run, stage: str, times: EngineTimes) -> None:
        self._run = run
        self._stage = stage
        self._times = times

    def outputs(self) -> dict[str, Array]:
        """Wait for the run within."""
        with self._times.timed(self._stage):
            return self._run.outputs()


class TimedEngine:
    """An engine whose time is added up: of runs that were begun, that in which its caller waited."""

    def __init__(self, engine: Engine, stage: str, times: EngineTimes) -> None:
        self.signature = engine.signature
        self.runs_at_once = engine.runs_at_once
        self._engine = engine
        self._stage = stage
        self._times = times

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run the engine within."""
        with self._times.timed(self._stage):
            return self._engine.run(**inputs)

    def begin(self, **inputs: Array) -> TimedRun:
        """Begin a run of the engine within."""
        with self._times.timed(self._stage):
            return TimedRun(self._engine.begin(**inputs), self._stage, self._times)

    def bind(self, **constants: Array) -> "TimedEngine":
        """The same with these inputs kept, on the same account."""
        return TimedEngine(self._engine.bind(**constants), self._stage, self._times)

    def close(self) -> None:
        """Close the engine within."""
        self._engine.close()


def time_engines(avatar: Avatar, times: EngineTimes) -> None:
    """Let an avatar's engines be timed in all streams started from now on; one without engines stays as it is."""
    if not isinstance(avatar, NeuralAvatar):
        return

    def timed(name: ComponentName, engine: Engine) -> TimedEngine:
        return TimedEngine(engine, STAGES[name], times)

    engines = avatar.engines
    classifier = engines.emotion_classifier
    avatar.engines = AvatarEngines(
        audio_encoder=timed("audio_encoder", engines.audio_encoder),
        portrait_encoder=timed("portrait_encoder", engines.portrait_encoder),
        flow_transformer=timed("flow_transformer", engines.flow_transformer),
        frame_decoder=timed("frame_decoder", engines.frame_decoder),
        emotion_classifier=None if classifier is None else timed("emotion_classifier", classifier),
    )
