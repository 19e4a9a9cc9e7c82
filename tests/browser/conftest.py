"""One Playwright a module, and the figures that the tests measured, shown at the end of a run."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.browser.live_page import Note

FIGURES = pytest.StashKey[dict[str, dict[str, float]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = {}


# Not for the session: while it runs no test of other folders could have an event loop of its own.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright, started."""
    with sync_playwright() as started:
        yield started


@pytest.fixture
def note_figures(request: pytest.FixtureRequest) -> Note:
    """Takes measured figures, to be printed whether the test passes or not."""
    figures = request.config.stash[FIGURES].setdefault(request.node.name, {})
    return figures.update


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash.get(FIGURES, {}):
        terminalreporter.section("measured in the browser")
        rounded = {test: {name: round(value, 3) for name, value in of.items()} for test, of in figures.items()}
        terminalreporter.line(json.dumps(rounded, indent=2))
