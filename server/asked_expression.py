"""What a caller has asked of the face so far, and how a message changes it.

In: JSON of a request or of the `events` channel, `{"emotion": "happy", "motion": {"smile": 0.5}}`. Out: `Expression`.

A message is a merge patch (RFC 7396): what it does not name stays as it is, and null gives it back to the avatar.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contract.errors import ConfigError
from pipeline.expression import AvatarControls, Expression
from pipeline.motion_editor import MotionEdit, read_direction

# One unit is how far a face usually moves; what the networks learned ends at about three.
MOST_MOTION = 3.0
SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class AskedExpression:
    """What one call asks for.

    emotion: None leaves it to the server
    motion: direction -> what is added to it in every frame, within +-MOST_MOTION; none of them zero
    """

    emotion: str | None = None
    motion: Mapping[str, float] = field(default_factory=dict)

    def merged(self, patch: Any, controls: AvatarControls) -> "AskedExpression":
        """As the message asks; raises ConfigError naming what the avatar can't do, and what it can."""
        if not isinstance(patch, dict):
            raise ConfigError(f"{_shown(patch)}, expected a JSON object with emotion, motion or both")
        asked = self
        for name, value in patch.items():
            if name == "emotion":
                asked = replace(asked, emotion=_read_emotion(value, controls))
            elif name == "motion":
                asked = replace(asked, motion=_merge_motion(asked.motion, value, controls))
            else:
                raise ConfigError(f"{_shown(name)} can't be asked for, expected emotion or motion")
        return asked

    def expression(self, default_emotion: str | None) -> Expression:
        """What the stream is told. default_emotion: the server's own; None is predicted or neutral."""
        edits = tuple(MotionEdit(read_direction(name), value) for name, value in self.motion.items())
        return Expression(default_emotion if self.emotion is None else self.emotion, edits)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"emotion": self.emotion, "motion": dict(self.motion)}


def _read_emotion(value: Any, controls: AvatarControls) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in controls.emotions:
        known = f"one of {', '.join(controls.emotions)}, or null" if controls.emotions else "null: it shows none"
        raise ConfigError(f"emotion {_shown(value)}, expected {known}")
    return value


def _merge_motion(motion: Mapping[str, float], changes: Any, controls: AvatarControls) -> dict[str, float]:
    if changes is None:
        return {}
    if not isinstance(changes, dict):
        raise ConfigError(f"motion {_shown(changes)}, expected an object of names and numbers, or null")
    merged = dict(motion)
    for name, value in changes.items():
        if name not in controls.motion_names:
            known = f"one of {', '.join(controls.motion_names)}" if controls.motion_names else "none: it can't be moved"
            raise ConfigError(f"motion {_shown(name)}, expected {known}")
        merged[name] = 0.0 if value is None else _read_amount(name, value)
    return {name: value for name, value in merged.items() if value != 0}


def _read_amount(name: str, value: Any) -> float:
    # Written so that not-a-number, which JSON readers let through, is refused as well.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_MOTION:
        expected = f"a number from {-MOST_MOTION:g} to {MOST_MOTION:g}, or null"
        raise ConfigError(f"motion {name} is given {_shown(value)}, expected {expected}")
    return float(value)


def _shown(value: Any) -> str:
    """A value as an error shows it."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[:SHOWN_CHARACTERS] + ("..." if len(text) > SHOWN_CHARACTERS else "")
    return repr(cut) if isinstance(value, str) else cut
