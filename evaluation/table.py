"""The table: what was asked for, what was measured, and whether that is enough.

In: figures. Out: Markdown for people, plain values for JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Better = Literal["higher", "lower", "between", "neither"]


@dataclass(frozen=True)
class Figure:
    """One measured number.

    row: the row of the table that it belongs to
    value: None where it could not be measured; `note` says why
    bar, goal: what is asked for; None where nothing is
    better: which side of the bar is the good one; "between" wants bar <= value <= goal; "neither" is for information
    note: how it was measured, or what else was found
    """

    row: str
    name: str
    value: float | None
    bar: float | None = None
    goal: float | None = None
    better: Better = "higher"
    unit: str = ""
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "goal", "bar", "below the bar", "not measured", or nothing where nothing is asked."""
        if self.value is None:
            return "not measured"
        if self.better == "neither" or self.bar is None:
            return ""
        if self.better == "between":
            assert self.goal is not None, f"{self.name}: between {self.bar} and nothing"
            return "within" if self.bar <= self.value <= self.goal else "outside"
        sign = 1 if self.better == "higher" else -1
        if self.goal is not None and sign * self.value >= sign * self.goal:
            return "goal"
        return "bar" if sign * self.value >= sign * self.bar else "below the bar"


def not_measured(row: str, names: Sequence[str], reason: str) -> list[Figure]:
    """Figures of a row that this machine can't measure."""
    return [Figure(row, name, None, note=reason) for name in names]


def as_json(figures: Sequence[Figure], made_by: dict[str, Any]) -> str:
    """All figures with their verdicts, and where and of what they were measured."""
    rows = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
    return json.dumps({"made_by": made_by, "figures": rows}, indent=2, ensure_ascii=False) + "\n"


def as_markdown(figures: Sequence[Figure]) -> str:
    """The table, a line a figure."""
    lines = ["| what | bar | goal | measured | verdict | how |", "|---|---|---|---|---|---|"]
    for figure in figures:
        asked = _asked(figure)
        cells = [figure.name, *asked, _number(figure.value, figure.unit), figure.verdict, figure.note]
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _asked(figure: Figure) -> tuple[str, str]:
    if figure.better == "between":
        return f"{_number(figure.bar, '')} to {_number(figure.goal, figure.unit)}", ""
    bar, goal = (_number(value, figure.unit) if value is not None else "" for value in (figure.bar, figure.goal))
    return bar, goal


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "%":
        return f"{100 * value:.1f} %" if abs(100 * value) % 1 > 0 else f"{100 * value:.0f} %"
    digits = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") or "0"
    return f"{text} {unit}".strip()
