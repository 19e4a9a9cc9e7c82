"""Where steps of phase 1 look: at faces mostly, and now and then at everything.

In: a step's number. Out: a window of the picture, and what batches and levels hold of it
"""

import numpy as np
from torch import Tensor

from models.frame_decoder import Level
from models.picture_window import Window, windowed

# A window is decoded with so much around it (of its 64 x 64 level), where convolutions see its edges.
WINDOW_MARGIN = 1
_WHOLE_EVERY = 8
# The median of mouth, chin, eyes and brows, with room for a head that moves.
_FACE = Window(top=18, left=14, bottom=60, right=50)
_SPREAD = 3


def draw_window(seed: int, step: int) -> Window | None:
    """Where a step looks: None is the whole picture, else about the face; the same in every process."""
    if step % _WHOLE_EVERY == 0:
        return None
    down, right = (int(value) for value in np.random.default_rng([seed, step]).integers(-_SPREAD, _SPREAD + 1, 2))
    return Window(_FACE.top + down, _FACE.left + right, _FACE.bottom + down, _FACE.right + right)


def trimmed(levels: list[Level], window: Window) -> list[Level]:
    """Levels of a decoder's window: of the finer ones, the part of it in a smaller window."""
    part = []
    for number, level in enumerate(levels):
        side = 8 * 2**number
        inner = windowed(window, side)
        if inner is not None:
            grid = inner.of(level.grid.permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)
            level = Level(inner.of(level.image, side), grid, inner.of(level.mask, side))
        part.append(level)
    return part


def looked_at(picture: Tensor, window: Window | None) -> Tensor:
    """The part of a picture [..., S, S] that a level of its size gives."""
    part = windowed(window, picture.shape[-1])
    return picture if part is None else part.of(picture, picture.shape[-1])
