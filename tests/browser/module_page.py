"""An empty page beside the page's modules, to try one of them in the browser that uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright, Route

from bench.live_page import chromium

WEB = Path(__file__).resolve().parent.parent.parent / "web"
ADDRESS = "http://modules.test/"


@contextmanager
def module_page(playwright: Playwright) -> Iterator[Page]:
    """A page that can import what lies in web/; nothing leaves the browser."""

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        if name.endswith(".js"):
            route.fulfill(body=(WEB / name).read_text(), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    with chromium(playwright) as browser:
        opened = browser.new_page()
        opened.route(ADDRESS + "**", answer)
        opened.goto(ADDRESS)
        yield opened


def in_module(page: Page, name: str, expression: str, argument: Any = None) -> Any:
    """Evaluate an expression of `module`, which is the file of that name, and `given`."""
    script = f"async given => {{ const module = await import('./{name}'); return {expression}; }}"
    return page.evaluate(script, argument)
