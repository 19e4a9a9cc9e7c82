"""How often eyes blink.

In: lids, a value a frame. Out: numbers. Whether motion jumps where windows meet: `pipeline.window_seams`.
"""

import numpy as np
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S

FloatArray = NDArray[np.floating]
SHUT_ABOVE, OPEN_BELOW = 0.6, 0.35


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
