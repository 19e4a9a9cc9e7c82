"""What a network's convolutions are given, kept beside it: what an engine must know to run them in 8 bits.

In:  FILE.onnx
Out: FILE.ranges.json, {name of a convolution: [lowest, highest] of its input}; others stay as they are
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contract.errors import EngineBuildError

Ranges = Mapping[str, tuple[float, float]]


def ranges_path(artifact: Path) -> Path:
    """Where the ranges of an artifact lie."""
    return artifact.with_suffix(".ranges.json")


def write_ranges(artifact: Path, ranges: Ranges) -> Path:
    """Write them beside the artifact; returns the file."""
    path = ranges_path(artifact)
    path.write_text(json.dumps({name: list(range_) for name, range_ in ranges.items()}, indent=1) + "\n", "utf-8")
    return path


def read_ranges(artifact: Path) -> Ranges:
    """The ranges of an artifact; raises EngineBuildError where there are none, or what is there is none."""
    path = ranges_path(artifact)
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise EngineBuildError(f"{path} can't be read, expected the ranges for 8 bits: {error.strerror}") from error
    except ValueError as error:
        raise EngineBuildError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict) or not values:
        raise EngineBuildError(f"{path} holds {values!r}, expected the ranges of at least one convolution")
    for name, value in values.items():
        if not _is_range(value):
            raise EngineBuildError(f"{path}: {name} has {value!r}, expected two numbers, the lower one first")
    return {name: (float(lowest), float(highest)) for name, (lowest, highest) in values.items()}


def _is_range(value: Any) -> bool:
    are_two = isinstance(value, list) and len(value) == 2 and all(type(each) in (int, float) for each in value)
    return are_two and all(math.isfinite(each) for each in value) and value[0] < value[1]
