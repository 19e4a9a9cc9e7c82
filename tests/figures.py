"""Figures that tests measure, shown together at the end of a run."""

from collections.abc import Callable

# Takes measured figures by name.
Note = Callable[[dict[str, float]], None]
