"""Whether lips follow a voice: correlation, lag, and closures, of one value a frame against another.

In: what is read from frames and what the phones say, [num_frames] each. Out: numbers.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
FARTHEST_LAG_FRAMES = 8
CLOSED_TRUTH = 0.9


def pearson(first: FloatArray, second: FloatArray) -> float:
    """Pearson's r; 0 where one of them never changes."""
    a, b = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / scale) if scale > 1e-12 else 0.0


def lag_frames(truth: FloatArray, read: FloatArray) -> float:
    """By how many frames `read` comes after `truth`: the best shift by correlation, between frames by a parabola."""
    shifts = range(-FARTHEST_LAG_FRAMES, FARTHEST_LAG_FRAMES + 1)
    scores = np.array([_shifted_pearson(truth, read, shift) for shift in shifts])
    best = int(scores.argmax())
    if 0 < best < len(scores) - 1:
        before, here, after = scores[best - 1 : best + 2]
        bend = before - 2 * here + after
        offset = 0.5 * (before - after) / bend if bend < 0 else 0.0
    else:
        offset = 0.0
    return best - FARTHEST_LAG_FRAMES + float(offset)


def closures(truth_closing: FloatArray) -> list[tuple[int, int]]:
    """First frame and end of each stretch in which the phones press the lips together, as for p, b and m.

    truth_closing: [num_frames], 1 where pressed
    """
    shut = np.concatenate([[False], truth_closing >= CLOSED_TRUTH, [False]])
    edges = np.flatnonzero(shut[1:] != shut[:-1])
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def num_closed(stretches: list[tuple[int, int]], opening: FloatArray, closed_below: float) -> int:
    """In how many of the stretches the lips are seen shut in at least one frame.

    opening: [num_frames], read from the frames
    """
    return sum(1 for start, end in stretches if float(opening[start:end].min()) < closed_below)


def _shifted_pearson(truth: FloatArray, read: FloatArray, shift: int) -> float:
    if shift >= 0:
        return pearson(truth[: len(truth) - shift], read[shift:])
    return pearson(truth[-shift:], read[:shift])
