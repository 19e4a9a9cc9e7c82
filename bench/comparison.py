"""Two files of figures side by side: `float-avatar bench compare`.

In: two records of any of the benchmarks. Out: every number that both have, with the ratio of the second to the first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.text_table import aligned
from contract.errors import ConfigError

# What figures are measured under, told above them and not compared.
CONDITIONS = ("machine", "settings", "spec", "kind")


@dataclass(frozen=True, slots=True)
class Compared:
    """One number of both records."""

    name: str
    first: float
    second: float

    @property
    def ratio(self) -> float | None:
        """The second over the first; None where the first is 0."""
        return self.second / self.first if self.first else None


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Compared]:
    """Every number that both records have, in the order of the first; raises ConfigError where they have none."""
    others = dict(numbers(second))
    found = [Compared(name, value, others[name]) for name, value in numbers(first) if name in others]
    if not found:
        raise ConfigError("the two files have no figure in common, expected two of the same benchmark")
    return found


def comparison_table(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Both machines, commits and settings where they differ, and all figures as text."""
    differing = [
        f"{name}: {before} | {after}"
        for part in CONDITIONS
        for name, before, after in _differences(part, first.get(part), second.get(part))
    ]
    rows = [("", "first", "second", "ratio")]
    for each in compare(first, second):
        ratio = "" if each.ratio is None else f"{each.ratio:.3f}"
        rows.append((each.name, f"{each.first:.2f}", f"{each.second:.2f}", ratio))
    left_out = sorted(set(dict(numbers(first))) ^ set(dict(numbers(second))))
    ending = [f"{len(left_out)} figures are in one of the files alone."] if left_out else []
    return "\n".join([*differing, *([""] if differing else []), *aligned(rows), *ending])


def numbers(record: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """(name, number) of every number in a record, but for what it was measured under.

    Members of a list are named by their words ("frame_decoder openvino float32"), else by their place.
    """
    if isinstance(record, bool) or record is None or isinstance(record, str):
        return
    if isinstance(record, int | float):
        yield name, float(record)
    elif isinstance(record, Mapping):
        for key, value in record.items():
            if name or key not in CONDITIONS:
                yield from numbers(value, f"{name} / {key}" if name else key)
    else:
        for place, value in enumerate(record):
            words = [word for word in value.values() if isinstance(word, str)] if isinstance(value, Mapping) else []
            yield from numbers(value, f"{name} / {' '.join(words) or place}")


def _differences(name: str, first: Any, second: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys((*first, *second)):
            yield from _differences(f"{name} {key}", first.get(key), second.get(key))
    elif first != second:
        yield name, first, second
