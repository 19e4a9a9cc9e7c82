"""What the latest frames left behind, by absolute index: a stream can go back to the last one that was shown."""

from collections import deque
from typing import Generic, TypeVar

# More than are ever drawn and not shown yet (playout's bound, the lane's, one whole window) with all that is carried
# over or heard before them.
KEPT_FRAMES = 300

ValueT = TypeVar("ValueT")


class FrameHistory(Generic[ValueT]):
    """One value a frame, of the latest frames."""

    def __init__(self) -> None:
        self._values: deque[tuple[int, ValueT]] = deque(maxlen=KEPT_FRAMES)

    def add(self, index: int, value: ValueT) -> None:
        """Keep the value of the next frame. An index that is not beyond the last one begins another stretch."""
        if self._values and index <= self._values[-1][0]:
            self._values.clear()
        self._values.append((index, value))

    def take_back(self, last_index: int) -> list[ValueT]:
        """Forget the frames after this one; gives their values, the oldest first."""
        taken: deque[ValueT] = deque()
        while self._values and self._values[-1][0] > last_index:
            taken.appendleft(self._values.pop()[1])
        return list(taken)

    def newest(self, num_frames: int) -> list[ValueT]:
        """The values of at most so many of the last frames, the oldest first."""
        first = max(0, len(self._values) - num_frames)
        return [self._values[i][1] for i in range(first, len(self._values))]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
