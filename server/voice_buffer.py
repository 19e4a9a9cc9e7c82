"""Samples that wait, with the times at which they came."""

from collections import deque

import numpy as np

from contract.packets import Int16Array
from server.voice_splice import joined


class VoiceBuffer:
    """A queue of samples.

    samples: [num_samples] int16, the oldest first
    position_samples: of the first, since the beginning
    newest_arrival_s: when the last came
    """

    def __init__(self) -> None:
        self.samples: Int16Array = np.zeros(0, np.int16)
        self.position_samples = 0
        self.newest_arrival_s = 0.0
        self._arrivals: deque[tuple[int, float]] = deque()  # (position after the packet, when it came)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def end_samples(self) -> int:
        """The position after the last sample."""
        return self.position_samples + len(self.samples)

    def append(self, samples: Int16Array, now_s: float) -> None:
        """Take what came now."""
        self.samples = np.concatenate([self.samples, samples])
        self.newest_arrival_s = now_s
        self._arrivals.append((self.end_samples, now_s))

    def cut(self, num_samples: int) -> tuple[Int16Array, float]:
        """Take the oldest samples, and the time at which the last of them came."""
        head, self.samples = self.samples[:num_samples], self.samples[num_samples:]
        self.position_samples += num_samples
        captured_at_s = 0.0
        while self._arrivals:
            end, captured_at_s = self._arrivals[0]
            if end > self.position_samples:
                break
            self._arrivals.popleft()
            if end == self.position_samples:
                break
        return head, captured_at_s

    def leave_out(self, num_samples: int) -> None:
        """Drop the oldest samples; what follows is joined to what was before by a cross-fade."""
        rest = joined(self.samples, num_samples)
        self.cut(num_samples)
        self.samples = rest

    def silence(self) -> None:
        """Make silence of all samples, at their times."""
        self.samples = np.zeros_like(self.samples)
