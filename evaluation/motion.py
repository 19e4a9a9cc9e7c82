"""How motion runs on: whether it jumps where windows meet, and how often eyes blink.

In: motion or lids, a row a frame. Out: numbers.
"""

import numpy as np
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S

FloatArray = NDArray[np.floating]
SHUT_ABOVE, OPEN_BELOW = 0.6, 0.35


def speeds(motion: FloatArray) -> NDArray[np.float64]:
    """Distance from each frame's motion to the next one's, [num_frames - 1]. motion: [num_frames, directions]."""
    distances: NDArray[np.float64] = np.linalg.norm(np.diff(motion.astype(np.float64), axis=0), axis=1)
    return distances


def split_at_seams(values: NDArray[np.float64], hop_frames: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Speeds over the seams between windows, and speeds inside them. values: of `speeds`, from a stream's start."""
    is_seam = (np.arange(len(values)) + 1) % hop_frames == 0
    return values[is_seam], values[~is_seam]


def blinks(lids: FloatArray) -> int:
    """How often the lids shut: rises over 0.6, each after they were open under 0.35. lids: [num_frames], 1 is shut."""
    count, armed = 0, True
    for value in lids:
        if armed and value > SHUT_ABOVE:
            count, armed = count + 1, False
        elif value < OPEN_BELOW:
            armed = True
    return count


def per_minute(count: int, num_frames: int) -> float:
    """How often a minute."""
    return count * 60 * FRAMES_PER_S / num_frames
