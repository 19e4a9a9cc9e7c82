"""Motion is edited by what is asked now, and goes over to what is asked next without a jump.

In: `MotionFrame`. Out: the same with another latent. Nothing waits here.

Each frame is edited by a weighted mean of what was asked at the last `GLIDE_FRAMES` frames, itself among them. So a new
wish is fully there after that many frames, sets out and arrives gently, never overshoots, and a slider that is dragged
is followed; it depends on the frames alone, never on the time. As long as nothing changes the result is exactly
`MotionEditor`'s.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from contract.errors import ConfigError
from contract.packets import Float32Array, MotionFrame
from contract.spec import AvatarSpec
from pipeline.frame_history import FrameHistory
from pipeline.motion_editor import MotionEdit, MotionEditor, resolve

GLIDE_FRAMES = 8  # 0.32 s
# Of what was asked for, the longest ago first; a raised cosine, so that the sum of the newest rises as an S.
WEIGHTS = np.sin(np.pi * np.arange(1, GLIDE_FRAMES + 1) / (GLIDE_FRAMES + 1)) ** 2
WEIGHTS /= WEIGHTS.sum()


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """Edits as a change of all coefficients: coefficient - hold * coefficient + added.

    hold: [directions] float64, 1 where the coefficient is held, else 0
    added: [directions] float64
    editor: does the same exactly; None where nothing is edited
    """

    hold: np.ndarray[tuple[int], np.dtype[np.float64]]
    added: np.ndarray[tuple[int], np.dtype[np.float64]]
    editor: MotionEditor | None


class MotionGlide:
    """The edits of one stream, which may change while it runs."""

    def __init__(self, basis: Float32Array | None, spec: AvatarSpec, edits: Sequence[MotionEdit] = ()) -> None:
        """basis: [latent_dim, directions] float32, orthonormal columns; raises ConfigError as `direct` does."""
        self._basis = basis
        self._spec = spec
        self._target = self._aim(edits)
        self._asked: deque[_Target] = deque(maxlen=GLIDE_FRAMES)
        self._history: FrameHistory[tuple[_Target, ...]] = FrameHistory()
        self.settle()

    def direct(self, edits: Sequence[MotionEdit]) -> None:
        """Go over to these edits from the next frame on; raises ConfigError where they can't be made."""
        self._target = self._aim(edits)

    def settle(self) -> None:
        """Be there at once: the next frame follows on none."""
        self._history.clear()
        self._asked.extend([self._target] * GLIDE_FRAMES)

    def rewind(self, last_index: int) -> None:
        """Go back to where this frame had been edited; what is asked for now still is."""
        self._history.take_back(last_index)
        if asked := self._history.newest(1):
            self._asked.extend(asked[0])
        else:
            self.settle()

    def push(self, frame: MotionFrame) -> MotionFrame:
        """Edit one frame."""
        self._asked.append(self._target)
        self._history.add(frame.chunk.index, tuple(self._asked))
        editor = self._target.editor
        if any(asked is not self._target for asked in self._asked):
            return replace(frame, motion_latent=self._between(frame.motion_latent), following=None)
        return frame if editor is None else editor.push(frame)

    def _between(self, motion_latent: Float32Array) -> Float32Array:
        assert self._basis is not None, "without a basis nothing was ever asked for"
        hold = np.tensordot(WEIGHTS, [asked.hold for asked in self._asked], 1)
        added = np.tensordot(WEIGHTS, [asked.added for asked in self._asked], 1)
        change = self._basis @ (added - hold * (motion_latent @ self._basis))
        edited: Float32Array = (motion_latent + change).astype(np.float32)
        return edited

    def _aim(self, edits: Sequence[MotionEdit]) -> _Target:
        hold, added = np.zeros((2, self._spec.num_motion_directions))
        if not edits:
            return _Target(hold, added, None)
        if self._basis is None:
            raise ConfigError(
                "this bundle has no motion basis beside its networks, so its motion can't be edited: "
                "expected one that was exported or imported again"
            )
        for column, edit in zip(resolve(edits, self._spec), edits, strict=True):
            hold[column], added[column] = edit.is_held, edit.value
        return _Target(hold, added, MotionEditor(self._basis, self._spec, edits))
