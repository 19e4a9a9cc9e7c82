"""What a session counts, and how long a frame stayed in each stage."""

from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class SessionCounts:
    """Counts since the session began.

    frames_rendered: finished by the avatar
    frames_released: sent, picture and sound
    frames_repeated: ticks at which no new frame was there: the picture stood, the voice paused
    frames_dropped: frames thrown away unseen, with their sound, to catch up
    interruptions: times that the caller asked for silence
    frames_interrupted: finished frames thrown away unseen by them
    chunks_refused: ticks at which the avatar was too far behind to take more sound
    ticks_skipped: ticks the process slept through
    voice_samples_missing: silence put in where the microphone was late
    voice_samples_lost: silence put in where packets were lost
    voice_samples_dropped, voice_samples_squeezed, voice_samples_stretched: against a growing or shrinking buffer
    voice_samples_interrupted: thrown away unheard by interruptions
    pictures_unsent, voice_packets_unsent: overtaken in the track's queue because the network stood still
    """

    frames_rendered: int = 0
    frames_released: int = 0
    frames_repeated: int = 0
    frames_dropped: int = 0
    interruptions: int = 0
    frames_interrupted: int = 0
    chunks_refused: int = 0
    ticks_skipped: int = 0
    voice_samples_missing: int = 0
    voice_samples_lost: int = 0
    voice_samples_dropped: int = 0
    voice_samples_squeezed: int = 0
    voice_samples_stretched: int = 0
    voice_samples_interrupted: int = 0
    pictures_unsent: int = 0
    voice_packets_unsent: int = 0

    def to_json(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


@dataclass(slots=True)
class StageTimes:
    """Mean time in each stage, since the last report."""

    _sums_s: dict[str, float] = field(default_factory=dict)
    _nums: dict[str, int] = field(default_factory=dict)

    def add(self, stage: str, time_s: float) -> None:
        """Take one frame's time in one stage."""
        self._sums_s[stage] = self._sums_s.get(stage, 0.0) + time_s
        self._nums[stage] = self._nums.get(stage, 0) + 1

    def report_ms(self) -> dict[str, float]:
        """Means in ms, one decimal, of the stages that were seen. The next report begins anew."""
        means = {stage: round(1000 * total / self._nums[stage], 1) for stage, total in self._sums_s.items()}
        self._sums_s, self._nums = {}, {}
        return means
