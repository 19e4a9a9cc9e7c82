"""A part of the picture, which a decoder's finer levels may be asked for alone.

In: a place on the 64 x 64 level. Out: the same place on any finer map.
"""

from dataclasses import dataclass

from torch import Tensor

WINDOWED_PX = 64


@dataclass(frozen=True)
class Window:
    """A part of the picture, in pixels of its 64 x 64 level: all that finer levels are asked for.

    Training looks where the face is: most of a frame's work is at its finest levels, and most of that in hair and room.
    """

    top: int
    left: int
    bottom: int
    right: int

    def of(self, picture: Tensor, side: int = WINDOWED_PX) -> Tensor:
        """The part of a whole picture or map [..., side, side]."""
        scale = side // WINDOWED_PX
        return picture[..., scale * self.top : scale * self.bottom, scale * self.left : scale * self.right]

    def grown(self, margin: int) -> "Window":
        """With so many more rows and columns on every side, inside the picture."""
        last = WINDOWED_PX
        return Window(
            max(self.top - margin, 0),
            max(self.left - margin, 0),
            min(self.bottom + margin, last),
            min(self.right + margin, last),
        )

    def cut_to(self, other: "Window") -> "Window":
        """What both have in common."""
        return Window(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def within(self, outer: "Window") -> "Window":
        """The same part as one of `outer`."""
        return Window(self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left)

    def coordinates(self, points: Tensor) -> Tensor:
        """Points [..., 2], x and y from -1 to 1 across the picture: the same from -1 to 1 across the part."""
        low = points.new_tensor([self.left, self.top]) * (2 / WINDOWED_PX) - 1
        high = points.new_tensor([self.right, self.bottom]) * (2 / WINDOWED_PX) - 1
        return (2 * points - low - high) / (high - low)


def windowed(window: Window | None, side: int) -> Window | None:
    """The window of a level of that side: None where it is made whole."""
    return window if side > WINDOWED_PX else None
