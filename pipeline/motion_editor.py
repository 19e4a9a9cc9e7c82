"""Motion is edited by hand: chosen coefficients of the motion basis are moved or held, all others left as drawn.

In: `MotionFrame`. Out: the same with another latent. Each frame stands alone, so nothing waits here.

It stands after the sampler, and what the sampler carries into its next window is unedited. Were the edit carried over,
the next window would be drawn from a past that has it already and get it once more: an offset would grow window by
window, faster the smaller the hop, and streamed motion would no longer equal motion drawn whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from contract.errors import ConfigError
from contract.packets import Float32Array, MotionFrame
from contract.spec import AvatarSpec

# Far beyond any face where training made spreads one unit; how far the coefficients of released weights go is unknown.
LARGEST_VALUE = 100.0
_WRITTEN = re.compile(r"\s*(?P<direction>[^=\s]+)\s*=(?P<held>=)?\s*(?P<value>\S+)\s*")
_FORM = "NAME=+X or NAME=-X to add, NAME=X to hold, NAME==-X to hold below zero, such as smile=+0.5 or 3=0.4"


@dataclass(frozen=True, slots=True)
class MotionEdit:
    """One coefficient of the basis, edited in every frame; raises ConfigError where the value has no meaning.

    direction: its number from 0, or its name where the bundle names it
    value: in the coefficient's own units: of about unit spread in the avatar that ships
    is_held: the coefficient is held at the value; else the value is added to what was drawn
    """

    direction: int | str
    value: float
    is_held: bool = False

    def __post_init__(self) -> None:
        if not isfinite(self.value) or abs(self.value) > LARGEST_VALUE:
            expected = f"a number from {-LARGEST_VALUE:g} to {LARGEST_VALUE:g}"
            raise ConfigError(f"motion direction {self.direction} is given {self.value:g}, expected {expected}")

    @classmethod
    def parse(cls, text: str) -> "MotionEdit":
        """Read `NAME=+X` (added), `NAME=X` or `NAME==X` (held), NAME being a name or number; raises ConfigError."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ConfigError(f"motion edit {text!r}, expected {_FORM}")
        direction, value = written["direction"], written["value"]
        try:
            number = float(value)
        except ValueError:
            raise ConfigError(f"motion edit {text!r} has the value {value!r}, expected {_FORM}") from None
        is_held = written["held"] is not None or value[0] not in "+-"
        return cls(read_direction(direction), number, is_held)


class MotionEditor:
    """Moves and holds coefficients of every frame."""

    def __init__(self, basis: Float32Array, spec: AvatarSpec, edits: Sequence[MotionEdit]) -> None:
        """basis: [latent_dim, directions] float32, orthonormal columns; raises ConfigError as `resolve` does."""
        columns = resolve(edits, spec)
        held = [column for column, edit in zip(columns, edits, strict=True) if edit.is_held]
        added = [column for column, edit in zip(columns, edits, strict=True) if not edit.is_held]
        self._held_directions = basis[:, held]
        self._held_values = np.array([edit.value for edit in edits if edit.is_held], np.float32)
        values = np.array([edit.value for edit in edits if not edit.is_held], np.float32)
        self._offset = basis[:, added] @ values

    def push(self, frame: MotionFrame) -> MotionFrame:
        """Edit one frame."""
        following = None if frame.following is None else self.edit(frame.following)
        return replace(frame, motion_latent=self.edit(frame.motion_latent), following=following)

    def edit(self, motion_latent: Float32Array) -> Float32Array:
        """The latent with its coefficients edited; the others, and what lies outside the basis, stay.

        motion_latent: [..., latent_dim] float32
        """
        drawn = motion_latent @ self._held_directions
        change = self._offset + (self._held_values - drawn) @ self._held_directions.T
        return (motion_latent + change).astype(np.float32)


def read_direction(text: str) -> int | str:
    """A direction as it is written: a number from 0, else a name."""
    # Only digits: a name may begin with one, and a sign is no part of a number from 0.
    return int(text) if text.isascii() and text.isdigit() else text


def resolve(edits: Sequence[MotionEdit], spec: AvatarSpec) -> list[int]:
    """The basis columns that the edits are of; raises ConfigError where one is unknown or edited twice."""
    columns = [_column(edit.direction, spec) for edit in edits]
    for i, column in enumerate(columns):
        if column in columns[:i]:
            raise ConfigError(f"motion direction {edits[i].direction} is edited twice, expected once")
    return columns


def _column(direction: int | str, spec: AvatarSpec) -> int:
    named = spec.motion_names
    if isinstance(direction, str) and direction in named:
        return named.index(direction)
    if isinstance(direction, int) and 0 <= direction < spec.num_motion_directions:
        return direction
    names = f", or one of {', '.join(named)}" if named else "; this bundle names none"
    raise ConfigError(
        f"motion direction {direction!r}, expected a number from 0 to {spec.num_motion_directions - 1}{names}"
    )
