"""What is asked of a face while it speaks: an emotion, and coefficients of its motion moved or held by hand."""

from dataclasses import dataclass

from contract.errors import ConfigError
from contract.spec import EMOTIONS
from pipeline.motion_editor import MotionEdit


@dataclass(frozen=True, slots=True)
class Expression:
    """What one stream is asked for; raises ConfigError where there is no such emotion.

    emotion: one of contract.spec.EMOTIONS; None is predicted where the bundle can, else neutral
    motion_edits: coefficients of the motion basis to move or hold
    """

    emotion: str | None = None
    motion_edits: tuple[MotionEdit, ...] = ()

    def __post_init__(self) -> None:
        if self.emotion is not None and self.emotion not in EMOTIONS:
            raise ConfigError(f"emotion {self.emotion!r}, expected one of {', '.join(EMOTIONS)}")


@dataclass(frozen=True, slots=True)
class AvatarControls:
    """What an avatar can be asked for.

    emotions: that it can show
    hears_emotion: it takes its emotion from the voice where none is asked for; else it is neutral then
    motion_names: directions that can be edited, by name; by number where the bundle names none
    """

    emotions: tuple[str, ...] = ()
    hears_emotion: bool = False
    motion_names: tuple[str, ...] = ()
