"""Files that figures are kept in."""

import json
import os
from pathlib import Path
from typing import Any

from contract.errors import ConfigError


def check_place(output: Path) -> None:
    """Before the minutes that measuring takes: raises ConfigError where the figures could not be written."""
    folder = output.resolve().parent
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"{output} can't be written, expected a file in a folder that is there and may be written to")


def write_text(output: Path, text: str) -> None:
    """Write a text; raises ConfigError where that is not possible."""
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{output} can't be written: {error.strerror}, expected a place for the figures") from error


def read_record(path: Path) -> dict[str, Any]:
    """Read figures that were written; raises ConfigError where the file holds none."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}, expected figures in JSON") from error
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise ConfigError(f"{path} holds a {type(record).__name__}, expected an object of figures")
    return record
