"""What is asked of a stream when it begins, checked before anything is opened for it."""

from dataclasses import dataclass
from math import isfinite

from contract.errors import ConfigError
from contract.spec import AvatarSpec
from pipeline.expression import Expression
from pipeline.motion_editor import MotionEdit, resolve
from pipeline.motion_sampler import WindowSettings


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How one stream is drawn; raises ConfigError where a value has no meaning.

    hop_frames: frames kept of each window; fewer is lower latency for more work
    lookahead_frames: further frames of sound that a window waits for
    seed: of the noise that motion is drawn from
    emotion: one of contract.spec.EMOTIONS; None is predicted where the bundle can, else neutral
    audio_guidance, emotion_guidance: scales; None is the bundle's own
    motion_edits: coefficients of the motion basis to move or hold in every frame
    relaxes_in_silence: draw further ahead and paint fewer pictures while nobody speaks (docs/architecture.md, Silence)
    """

    hop_frames: int = 3
    lookahead_frames: int = 2
    seed: int = 0
    emotion: str | None = None
    audio_guidance: float | None = None
    emotion_guidance: float | None = None
    motion_edits: tuple[MotionEdit, ...] = ()
    relaxes_in_silence: bool = True

    def __post_init__(self) -> None:
        for name, lowest in (("hop_frames", 1), ("lookahead_frames", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                raise ConfigError(f"{name} {value!r}, expected a whole number of at least {lowest}")
        if self.seed >= 2**64:
            raise ConfigError(f"seed {self.seed}, expected less than 2^64")
        # It refuses an emotion that is none.
        Expression(self.emotion, self.motion_edits)
        for name in ("audio_guidance", "emotion_guidance"):
            scale = getattr(self, name)
            if scale is not None and not isfinite(scale):
                raise ConfigError(f"{name} {scale!r}, expected a finite number")

    def window(self, spec: AvatarSpec) -> WindowSettings:
        """The windows of this stream with a bundle's defaults filled in; raises ConfigError where they do not fit."""
        num_new = self.hop_frames + self.lookahead_frames
        if num_new > spec.window_frames:
            raise ConfigError(
                f"hop_frames {self.hop_frames} and lookahead_frames {self.lookahead_frames} make {num_new} frames, "
                f"expected at most the {spec.window_frames} of this bundle's window"
            )
        resolve(self.motion_edits, spec)
        return WindowSettings(
            hop_frames=self.hop_frames,
            lookahead_frames=self.lookahead_frames,
            euler_points=spec.euler_points,
            audio_guidance=spec.audio_guidance if self.audio_guidance is None else self.audio_guidance,
            emotion_guidance=spec.emotion_guidance if self.emotion_guidance is None else self.emotion_guidance,
        )
