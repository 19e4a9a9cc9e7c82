"""What this machine lacks: tests that need it are left out and named at the end; with CI=1 they fail instead.

A test says what it needs, `@pytest.mark.system("espeak-ng", "chromium")`; `@pytest.mark.system` alone needs everything.
"""

import ctypes
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.figures import Note

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def _library(name: str) -> Callable[[], bool]:
    def is_there() -> bool:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    return is_there


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


# name a test may give: (is it there, Debian's package)
SYSTEM_NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "libegl": (_library("libEGL.so.1"), "libegl1"),
    "libgl": (_library("libGL.so.1"), "libgl1"),
    "espeak-ng": (_program("espeak-ng"), "espeak-ng"),
    "flite": (_program("flite"), "flite"),
    "festival": (_program("festival"), "festival festvox-kallpc16k"),
    "chromium": (_program(*CHROMIUM_NAMES), "chromium"),
}
SHORTHANDS = {"skia": ("libegl", "libgl")}
LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
FIGURES = pytest.StashKey[dict[str, dict[str, float]]]()


def missing_packages(names: tuple[str, ...]) -> list[str]:
    """Debian packages that `names` need and this machine lacks; no names means all of them."""
    wanted = [n for name in names or tuple(SYSTEM_NEEDS) for n in SHORTHANDS.get(name, (name,))]
    if unknown := sorted(set(wanted) - set(SYSTEM_NEEDS)):
        raise pytest.UsageError(f"system({unknown}): a test may need {sorted({*SYSTEM_NEEDS, *SHORTHANDS})}")
    return [package for is_there, package in (SYSTEM_NEEDS[name] for name in wanted) if not is_there()]


def all_must_run() -> bool:
    """True where a missing system package is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_configure(config: pytest.Config) -> None:
    left_out: dict[str, list[str]] = defaultdict(list)
    config.stash[LEFT_OUT] = left_out
    config.stash[FIGURES] = {}


@pytest.fixture
def note_figures(request: pytest.FixtureRequest) -> Note:
    """Takes measured figures, to be printed whether the test passes or not."""
    figures = request.config.stash[FIGURES].setdefault(request.node.name, {})
    return figures.update


def pytest_runtest_setup(item: pytest.Item) -> None:
    left_out = item.config.stash[LEFT_OUT]
    names = tuple(name for mark in item.iter_markers("system") for name in mark.args)
    if item.get_closest_marker("system") and (packages := missing_packages(names)):
        reason = "not installed: " + " ".join(packages)
        if all_must_run():
            pytest.fail(f"{reason} (CI is set, so this is a failure)", pytrace=False)
        left_out[reason].append(item.nodeid)
        pytest.skip(reason)
    if item.get_closest_marker("gpu") and not Path("/dev/nvidiactl").exists():
        left_out["no NVIDIA GPU"].append(item.nodeid)
        pytest.skip("no NVIDIA GPU")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, nodeids in config.stash[LEFT_OUT].items():
        terminalreporter.section(f"left out, {reason}")
        for nodeid in nodeids:
            terminalreporter.line(nodeid)
    if figures := config.stash[FIGURES]:
        terminalreporter.section("measured")
        rounded = {test: {name: round(value, 3) for name, value in of.items()} for test, of in figures.items()}
        terminalreporter.line(json.dumps(rounded, indent=2))
