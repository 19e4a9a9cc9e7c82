"""The bundle of official size as tests know it, and how programs are run and measured that make or use it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Protocol

from bundles.manifest import Manifest, read_manifest
from contract.spec import ComponentName
from engines.base import Engine, Precision

ROOT = Path(__file__).resolve().parent.parent.parent
KIB_PER_GIB = 2**20
_POLL_S = 0.05
_LONGEST_S = 600.0


class OpenOfficial(Protocol):
    """Opens a component of the bundle with an engine."""

    def __call__(
        self, name: ComponentName, backend: str, precision: Precision = "float32", batch_is_free: bool = False
    ) -> Engine: ...


@dataclass(frozen=True)
class OfficialBundle:
    """The bundle and what making it took.

    cache: folder of compiled engines, for XDG_CACHE_HOME
    """

    folder: Path
    cache: Path
    said: str
    import_s: float
    import_peak_gib: float

    @property
    def manifest(self) -> Manifest:
        """What it says of itself."""
        return read_manifest(self.folder, verify_sums=False)


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    status: int
    said: str
    took_s: float
    peak_gib: float


def run_to_the_end(arguments: list[str], log: Path, cache: Path, until: str | None = None) -> Ended:
    """Run Python with these arguments in a process of its own, and measure it; one that says `until` is told to end."""
    began_s = perf_counter()
    peak_kib = 0
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        )
        # What the system tells of a process that has ended includes the memory of the one it was started from.
        while process.poll() is None:
            peak_kib = max(peak_kib, _peak_kib(process.pid))
            if until is not None and until in log.read_text(errors="replace"):
                process.terminate()
                until = None
            if perf_counter() - began_s > _LONGEST_S:
                process.kill()
            sleep(_POLL_S)
    return Ended(process.returncode, log.read_text(errors="replace"), perf_counter() - began_s, peak_kib / KIB_PER_GIB)


def _peak_kib(pid: int) -> int:
    """The largest memory of a running process so far; 0 where it has just ended or begun."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) if peaks else 0
