"""Where compiled engines are kept between starts.

A folder of the user's cache, one below it for each combination of artifact, backend and version, precision and CPU, so
that nothing compiled for one is ever loaded by another. A cache that can't be written costs time at start, no more.
"""

import os
import platform
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path


def cache_root() -> Path:
    """The project's folder in the user's cache, after the XDG base directory rules."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # The rules say that a relative path is to be ignored.
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "float-avatar" / "engines"


def cache_folder(artifact: Path, backend: str, precision: str) -> Path | None:
    """The folder for one compiled artifact, made where it was missing; None where it can't be written.

    backend: name and version
    """
    key = sha256("\n".join((sha256_of(artifact), backend, precision, cpu_name())).encode()).hexdigest()
    try:
        folder = cache_root() / key[:32]
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@cache
def cpu_name() -> str:
    """The CPU's model and its instruction sets, as far as the system tells."""
    lines = {"machine": platform.machine(), "processor": platform.processor()}
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "flags", "Features"):
            lines.setdefault(name.strip(), value.strip())
    return "\n".join(f"{name}: {value}" for name, value in sorted(lines.items()))
