"""The control that interrupts, with a call whose server says what the test lets it say."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.module_page import in_module, module_page

pytestmark = [pytest.mark.browser, pytest.mark.system("chromium")]

MODULE = "interruption.js"
BUILD = """(() => {
    document.body.innerHTML = '<button>Interrupt</button><p></p>';
    const call = new EventTarget();
    call.state = 'live';
    call.numAsked = 0;
    call.interrupt = () => call.state === 'live' && Boolean(++call.numAsked);
    const [button, notice] = document.body.children;
    window.call = call;
    window.control = new module.InterruptControl({ call, button, notice });
})()"""


@pytest.fixture(scope="module")
def page(playwright: Playwright) -> Iterator[Page]:
    """A page that can import the module."""
    with module_page(playwright) as opened:
        yield opened


def tell(page: Page, kind: str, detail: dict[str, Any]) -> None:
    """Let the call have an event."""
    page.evaluate(
        "([kind, detail]) => window.call.dispatchEvent(new CustomEvent(kind, { detail }))",
        [kind, detail],
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"sound_dropped_ms": 640}, "Interrupted: 0.6 s of voice will not be heard."),
        ({"sound_dropped_ms": 0}, "Interrupted."),
        ({}, "Interrupted."),
    ],
)
def test_answer_in_words(page: Page, message: dict[str, Any], words: str) -> None:
    assert in_module(page, MODULE, "module.interruptedWords(given)", message) == words


def test_it_is_busy_until_the_answer_comes(page: Page) -> None:
    in_module(page, MODULE, BUILD)
    button, notice = page.locator("button"), page.locator("p")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    tell(page, "message", {"message": {"type": "stats"}})
    expect(button).to_have_attribute("aria-busy", "true")
    tell(page, "message", {"message": {"type": "interrupted", "sound_dropped_ms": 300}})
    expect(button).not_to_have_attribute("aria-busy", "true")
    expect(notice).to_contain_text("0.3 s")
    assert page.evaluate("window.call.numAsked") == 1
    # The words go away by themselves, and with the call at once.
    expect(notice).to_have_text("")
    tell(page, "message", {"message": {"type": "interrupted"}})
    expect(notice).to_have_text("Interrupted.")
    page.evaluate("window.call.state = 'reconnecting'")
    tell(page, "state", {"state": "reconnecting"})
    expect(notice).to_have_text("", timeout=500)
    expect(button).to_be_disabled()


def test_a_server_that_keeps_silent_is_told_of(page: Page) -> None:
    in_module(page, MODULE, BUILD)
    assert page.evaluate("window.control.interrupt()") is True
    expect(page.locator("p")).to_contain_text("did not answer")
    expect(page.locator("button")).not_to_have_attribute("aria-busy", "true")


def test_without_a_live_call_nobody_is_asked(page: Page) -> None:
    in_module(page, MODULE, BUILD)
    page.evaluate("window.call.state = 'connecting'")
    assert page.evaluate("window.control.interrupt()") is False
    assert page.evaluate("window.call.numAsked") == 0
    expect(page.locator("button")).not_to_have_attribute("aria-busy", "true")
