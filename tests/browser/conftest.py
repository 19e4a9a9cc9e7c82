"""One Playwright a module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright, sync_playwright


# Not for the session: while it runs no test of other folders could have an event loop of its own.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright, started."""
    with sync_playwright() as started:
        yield started
