"""What Prometheus reads at /metrics. One registry a server; no labels of single sessions."""

from dataclasses import fields

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from contract.packets import VOICE_RATE_HZ
from server.session_counts import SessionCounts

FRAME_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56)
LATENCY_BUCKETS_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0)
FRAME_RESULTS = {"frames_rendered": "rendered", "frames_released": "released", "frames_repeated": "repeated",
                 "frames_dropped": "dropped", "frames_interrupted": "interrupted"}  # fmt: skip
VOICE_FAULTS = {
    "voice_samples_missing": "missing",
    "voice_samples_lost": "lost",
    "voice_samples_dropped": "dropped",
    "voice_samples_idle": "idle",
    "voice_samples_trimmed": "trimmed",
    "voice_samples_repeated": "repeated",
    "voice_samples_hurried": "hurried",
    "voice_samples_squeezed": "squeezed",
    "voice_samples_stretched": "stretched",
    "voice_samples_interrupted": "interrupted",
}


class Metrics:
    """The server's figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sessions_active = Gauge("avatar_sessions_active", "Sessions now.", registry=self.registry)
        self.session_slots = Gauge("avatar_session_slots", "Sessions at most.", registry=self.registry)
        self.sessions = Counter(
            "avatar_sessions", "Sessions that ended, by how.", labelnames=["outcome"], registry=self.registry
        )
        self.frame_seconds = Histogram(
            "avatar_frame_seconds",
            "Time of one frame in a stage.",
            labelnames=["stage"],
            buckets=FRAME_BUCKETS_S,
            registry=self.registry,
        )
        self._stages: dict[str, Histogram] = {}
        self.frames = Counter("avatar_frames", "Frames, by what came of them.", ["result"], registry=self.registry)
        self.voice_seconds = Counter(
            "avatar_voice_corrected_seconds", "Sound put in or taken out, by why.", ["why"], registry=self.registry
        )
        self.chunks_refused = Counter(
            "avatar_chunks_refused", "Ticks at which the avatar was too far behind.", registry=self.registry
        )
        self.interruptions = Counter(
            "avatar_interruptions", "Times that a caller asked for silence.", registry=self.registry
        )
        self.latency = Histogram(
            "avatar_e2e_latency_seconds",
            "From the arrival of a sound to the release of its frame.",
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.time_to_first_frame = Histogram(
            "avatar_ttff_seconds",
            "From the connection to the first frame.",
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.engine_info = Info("avatar_engine", "What renders.", registry=self.registry)

    def add_stage(self, stage: str, time_s: float) -> None:
        """Add the time of one frame in one stage."""
        # Ten times a frame: the look-up of a label costs as much as the counting.
        histogram = self._stages.get(stage)
        if histogram is None:
            histogram = self._stages[stage] = self.frame_seconds.labels(stage)
        histogram.observe(time_s)

    def add_counts(self, before: SessionCounts, after: SessionCounts) -> None:
        """Add what one session counted between two moments."""
        grown = {f.name: getattr(after, f.name) - getattr(before, f.name) for f in fields(SessionCounts)}
        for name, result in FRAME_RESULTS.items():
            self.frames.labels(result).inc(grown[name])
        for name, why in VOICE_FAULTS.items():
            self.voice_seconds.labels(why).inc(grown[name] / VOICE_RATE_HZ)
        self.chunks_refused.inc(grown["chunks_refused"])
        self.interruptions.inc(grown["interruptions"])

    def exposition(self) -> bytes:
        """The text format."""
        return generate_latest(self.registry)
