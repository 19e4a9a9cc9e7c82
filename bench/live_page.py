"""Chromium with a fake microphone, a page in a call, and what was recorded of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from bench.call_recording import Recording
from contract.errors import ConfigError

HERE = Path(__file__).resolve().parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
LIVE_LIMIT_MS = 20_000
# Of the avatar's picture, which is framed alike for every portrait: left, top, right, bottom as shares.
MOUTH_BOX = (0.37, 0.60, 0.63, 0.82)
# The same with the nose above it, which moves with the head alone, and the share of its rows that are the nose's.
NOSE_AND_MOUTH_BOX = (0.37, 0.46, 0.63, 0.82)
NOSE_SHARE = (0.60 - 0.46) / (0.82 - 0.46)
# The test pattern's upper half: the frame counter stands below.
FLASH_BOX = (0.1, 0.1, 0.9, 0.5)


@dataclass(frozen=True, slots=True)
class Reception:
    """What the browser counted of the pictures between two moments.

    fps: pictures decoded a second
    num_freezes, num_dropped: in this time
    """

    fps: float
    num_freezes: int
    num_dropped: int


def find_chromium() -> str | None:
    """The installed Chromium, if there is one."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def chromium_path() -> str:
    """The installed Chromium; raises ConfigError where there is none."""
    found = find_chromium()
    if found is None:
        raise ConfigError(f"none of {', '.join(CHROMIUM_NAMES)} is installed, expected one of them")
    return found


@contextmanager
def chromium(playwright: Playwright, microphone: Path | None = None, has_microphone: bool = True) -> Iterator[Browser]:
    """A browser whose microphones play a WAV file again and again; None: they beep."""
    arguments = ["--use-fake-device-for-media-stream"] if has_microphone else []
    if microphone:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
    try:
        yield browser
    finally:
        browser.close()


def start_call(page: Page) -> None:
    """Press Start and wait for the first picture."""
    page.click("#start")
    page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
    page.wait_for_function("document.querySelector('#avatar').videoWidth > 0", timeout=LIVE_LIMIT_MS)


def prepare_recording(page: Page) -> None:
    """Put the probes into a page that is still to be opened."""
    for script in ("connection_probe.js", "recorder.js"):
        page.add_init_script(path=HERE / script)


def prepare_measuring(page: Page) -> None:
    """The same, and what lets the page tell of every frame."""
    page.add_init_script(path=HERE / "measuring_probe.js")
    prepare_recording(page)


def record_call(
    page: Page, box: tuple[float, float, float, float], duration_s: float, height_px: int = 36
) -> tuple[Recording, Reception]:
    """Record a live call for so long; height_px: of the recorded box, which is 48 pixels wide."""
    wanted = {"selector": "#avatar", "box": box, "width": 48, "height": height_px}
    page.evaluate("wanted => window.startRecording(wanted)", wanted)
    before = _video(page)
    page.wait_for_timeout(1000 * duration_s)
    after = _video(page)
    values = page.evaluate("() => window.stopRecording()")
    seconds = (after["timestamp"] - before["timestamp"]) / 1000
    reception = Reception(
        fps=(after["framesDecoded"] - before["framesDecoded"]) / seconds,
        num_freezes=after.get("freezeCount", 0) - before.get("freezeCount", 0),
        num_dropped=after.get("framesDropped", 0) - before.get("framesDropped", 0),
    )
    return Recording.from_page(values), reception


def _video(page: Page) -> dict[str, Any]:
    inbound = page.evaluate("() => window.readConnection()")
    assert inbound, "the page has no live connection"
    return next(entry for entry in inbound if entry["kind"] == "video")
