"""The page, driven as people drive it, against the real server with the test pattern as its avatar."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from bench.live_page import LIVE_LIMIT_MS, chromium, prepare_recording, start_call
from bench.live_server import LiveServer, free_port, live_server

pytestmark = [pytest.mark.browser, pytest.mark.system("chromium")]

MICROPHONE = ["microphone"]
REFUSED_BY_SERVER = "Failed to load resource"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with one place."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with live_server(log, "--test-pattern", max_sessions=1) as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser with microphones."""
    with chromium(playwright) as started:
        yield started


def open_page(browser: Browser, url: str, complaints: list[str], **context: Any) -> Page:
    """A page in a context of its own; errors of its scripts and lines on its console go to `complaints`."""
    page = browser.new_context(**{"permissions": MICROPHONE, **context}).new_page()
    prepare_recording(page)
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    expect(page.locator("#start")).to_be_visible()
    return page


def end(page: Page) -> None:
    """Hang up and leave."""
    if page.locator("#stop").is_visible():
        page.click("#stop")
        expect(page.locator("body")).to_have_attribute("data-state", "idle")
    page.context.close()


def places_taken(server: LiveServer) -> int:
    """How many calls the server holds."""
    with urllib.request.urlopen(server.url + "v1/capacity", timeout=5) as response:
        return int(json.load(response)["taken"])


def wait_for_place(page: Page, server: LiveServer) -> None:
    """Until the server holds no call; far sooner than it would notice a peer that only vanished."""
    for _ in range(30):
        if places_taken(server) == 0:
            return
        page.wait_for_timeout(100)
    pytest.fail("the server still holds the call after 3 s")


def played_s(page: Page) -> float:
    """How far the video has come."""
    return float(page.evaluate("document.querySelector('#avatar').currentTime"))


def microphone_of(page: Page) -> dict[str, Any]:
    """The track that the call sends."""
    return dict(page.evaluate("window.readMicrophone()"))


def test_call_from_start_to_end(browser: Browser, server: LiveServer) -> None:
    complaints: list[str] = []
    page = open_page(browser, server.url, complaints)
    expect(page.locator("#state-text")).to_have_text("Ready")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_role("radio")).to_have_count(1)
    expect(page.get_by_role("radio")).to_be_checked()
    expect(page.locator("#poster")).to_have_js_property("naturalWidth", 256)
    start_call(page)
    expect(page.locator("#state-text")).to_have_text("Live")
    expect(page.locator("#poster")).to_have_css("opacity", "0")
    before_s = played_s(page)
    page.wait_for_timeout(1000)
    assert played_s(page) > before_s + 0.5

    page.click("#stop")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    expect(page.locator("#start")).to_be_focused()
    assert page.evaluate("document.querySelector('#avatar').srcObject") is None
    wait_for_place(page, server)
    assert complaints == []
    page.context.close()


def test_figures_are_shown_live_and_closed_again(browser: Browser, server: LiveServer) -> None:
    complaints: list[str] = []
    page = open_page(browser, server.url, complaints)
    start_call(page)
    page.click("#statistics-toggle")
    expect(page.locator("#headline")).to_contain_text("FPS")
    rows = page.locator("#stage-rows tr")
    expect(rows.first).to_contain_text("Network, there")
    expect(rows.last).to_contain_text("Screen")
    expect(page.locator("#stage-rows")).to_contain_text("Playout wait")
    expect(page.locator("#to-eye")).to_have_text(re.compile(r"^[0-9.]+ m?s$"))
    expect(page.locator("#frame-counts")).to_contain_text("repeated")
    widths = page.locator("#stage-bar i").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert sum(widths) == pytest.approx(
        page.locator("#stage-bar").evaluate("bar => bar.clientWidth"), abs=2 * len(widths)
    )
    page.get_by_text("All figures").click()
    expect(page.locator("#statistics-rows")).to_contain_text("Round trip")
    expect(page.locator("#server-rows")).to_contain_text("Total")
    # Escape within the panel closes it, and interrupts nobody.
    page.keyboard.press("Escape")
    expect(page.locator("#statistics")).to_be_hidden()
    expect(page.locator("#statistics-toggle")).to_be_focused()
    expect(page.locator("#interrupt-notice")).to_have_text("")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close statistics").click()
    expect(page.locator("#statistics")).to_be_hidden()
    expect(page.locator("#statistics-toggle")).to_have_attribute("aria-expanded", "false")
    assert complaints == []
    end(page)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (1280, 800)])
def test_figures_lie_beside_the_face(browser: Browser, server: LiveServer, width: int, height: int) -> None:
    page = open_page(browser, server.url, [], viewport={"width": width, "height": height})
    start_call(page)
    page.click("#statistics-toggle")
    expect(page.locator("#stage-rows")).to_contain_text("Playout wait")
    face, figures = page.locator("#avatar").bounding_box(), page.locator("#statistics").bounding_box()
    assert face is not None
    assert figures is not None
    assert face["x"] + face["width"] <= figures["x"] or face["y"] + face["height"] <= figures["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#statistics").evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    # However far it is scrolled, the face and the end of the call stay in sight.
    page.mouse.wheel(0, 5000)
    for name in ("#avatar", "#stop"):
        expect(page.locator(name)).to_be_in_viewport(ratio=0.99)
    end(page)


def expect_interruptions(page: Page, number: int) -> None:
    """Until the server says that so many were asked for."""
    row = page.locator("#server-rows > div").filter(has_text=re.compile(f"^Interruptions{number}$"))
    expect(row).to_have_count(1)


def test_the_voice_is_interrupted_by_button_and_by_escape(browser: Browser, server: LiveServer) -> None:
    complaints: list[str] = []
    page = open_page(browser, server.url, complaints)
    start_call(page)
    button = page.get_by_role("button", name="Interrupt the voice")
    button.click()
    expect(page.get_by_role("status").filter(has_text="Interrupted")).to_be_visible()
    expect(page.locator("#hear-hint")).to_be_hidden()
    expect_interruptions(page, 1)
    expect(page.locator("#interrupt-notice")).to_have_text("")
    expect(page.locator("#hear-hint")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#interrupt-notice")).to_contain_text("Interrupted")
    expect_interruptions(page, 2)
    expect(button).not_to_have_attribute("aria-busy", "true")
    before_s = played_s(page)
    page.wait_for_timeout(500)
    assert played_s(page) > before_s
    assert complaints == []
    end(page)


def test_what_another_interrupts_is_told(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    with page.expect_response("**/v1/whip*") as begun:
        start_call(page)
    session_id = begun.value.headers["location"].rpartition("/")[2]
    assert page.request.post(f"{server.url}v1/sessions/{session_id}/interrupt").ok
    expect(page.locator("#interrupt-notice")).to_contain_text("Interrupted")
    end(page)


def test_interrupting_outside_a_call_does_nothing(browser: Browser, server: LiveServer) -> None:
    complaints: list[str] = []
    page = open_page(browser, server.url, complaints)
    button = page.locator("#interrupt")

    def try_all() -> None:
        expect(button).to_be_disabled()
        page.keyboard.press("Escape")
        button.evaluate("button => button.click()")
        expect(page.locator("#interrupt-notice")).to_have_text("")

    try_all()
    held: list[Route] = []
    page.route("**/v1/whip*", lambda route: held.append(route))
    with page.expect_request("**/v1/whip*"):
        page.click("#start")
    expect(page.locator("body")).to_have_attribute("data-state", "connecting")
    try_all()
    held[0].continue_()
    page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
    expect(button).to_be_enabled()
    page.click("#stop")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    try_all()
    assert complaints == []
    page.context.close()


def test_muting_stops_the_microphone_only(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    start_call(page)
    assert microphone_of(page)["isEnabled"]
    page.click("#mute")
    expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    assert not microphone_of(page)["isEnabled"]
    expect(page.locator("#level")).to_have_attribute("aria-valuenow", "0")
    before_s = played_s(page)
    page.wait_for_timeout(500)
    assert played_s(page) > before_s
    page.click("#mute")
    assert microphone_of(page)["isEnabled"]
    page.wait_for_function("Number(document.querySelector('#level').getAttribute('aria-valuenow')) > 10")
    page.click("#stop")
    # Neither a picture nor another level comes after the last one.
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    shown = "name => document.querySelector(name).style.getPropertyValue('--level')"
    assert [page.evaluate(shown, name) for name in ("#halo", "#level")] == ["0", "0"]
    expect(page.locator("#level")).to_have_attribute("aria-valuenow", "0")
    page.context.close()


def test_returned_voice_is_silent_until_asked_for(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    start_call(page)
    is_muted = "document.querySelector('#avatar').muted"
    assert page.evaluate(is_muted)
    expect(page.locator("#hear-hint")).to_contain_text("headphones")
    page.click("#hear")
    assert not page.evaluate(is_muted)
    expect(page.locator("#hear")).to_have_attribute("aria-pressed", "true")
    end(page)


def test_another_microphone_takes_over_in_the_same_call(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    start_call(page)
    first = microphone_of(page)
    labels = page.locator("#microphone-choice option").all_text_contents()
    other = next(label for label in labels if label != first["label"])
    page.select_option("#microphone-choice", label=other)
    page.wait_for_function("label => window.readMicrophone().label === label", arg=other)
    assert microphone_of(page)["numConnections"] == first["numConnections"]
    end(page)


def test_whole_call_by_keyboard(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
    expect(page.locator("#mute")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    page.context.close()


def test_refused_microphone_is_told_and_watching_is_offered(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [], permissions=[])
    page.click("#start")
    expect(page.get_by_role("alert")).to_contain_text("The microphone is not allowed")
    expect(page.locator("#start")).to_be_enabled()
    page.get_by_role("button", name="Watch without a microphone").click()
    page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
    page.wait_for_function("document.querySelector('#avatar').videoWidth > 0")
    expect(page.locator("#mute")).to_be_disabled()
    assert page.evaluate("window.readMicrophone()") is None
    end(page)


def test_missing_microphone_is_told(playwright: Playwright, server: LiveServer) -> None:
    with chromium(playwright, has_microphone=False) as bare:
        page = open_page(bare, server.url, [])
        page.click("#start")
        expect(page.get_by_role("alert")).to_contain_text("No microphone was found")
        expect(page.get_by_role("button", name="Watch without a microphone")).to_be_visible()


def test_full_server_is_told_and_a_freed_place_can_be_had(browser: Browser, server: LiveServer) -> None:
    first = open_page(browser, server.url, [])
    start_call(first)
    complaints: list[str] = []
    second = open_page(browser, server.url, complaints)
    second.click("#start")
    expect(second.get_by_role("alert")).to_contain_text("The server is full")
    expect(second.get_by_role("alert")).to_contain_text("5 seconds")
    expect(second.locator("#start")).to_be_visible()
    assert all(REFUSED_BY_SERVER in complaint for complaint in complaints), complaints
    end(first)
    second.get_by_role("button", name="Try again").click()
    second.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
    expect(second.get_by_role("alert")).to_be_hidden()
    end(second)


def test_portraits_that_did_not_come_are_asked_for_again(browser: Browser, server: LiveServer) -> None:
    context = browser.new_context()
    context.route("**/v1/portraits", lambda route: route.abort(), times=1)
    page = context.new_page()
    page.goto(server.url)
    expect(page.get_by_role("alert")).to_contain_text("The portraits could not be loaded")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_role("radio")).to_have_count(1)
    context.close()


def test_unreachable_server_is_told(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    page.route("**/v1/whip*", lambda route: route.abort())
    page.click("#start")
    expect(page.get_by_role("alert")).to_contain_text("The server can't be reached")
    expect(page.locator("#start")).to_be_enabled()
    page.context.close()


def test_hanging_up_while_the_server_thinks_leaves_nothing(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    held: list[Route] = []
    page.route("**/v1/whip*", lambda route: held.append(route))
    with page.expect_request("**/v1/whip*"):
        page.click("#start")
    expect(page.locator("body")).to_have_attribute("data-state", "connecting")
    page.click("#stop")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        held[0].continue_()
    wait_for_place(page, server)
    page.unroute("**/v1/whip*")
    start_call(page)
    end(page)


def test_leaving_the_page_frees_the_place(browser: Browser, server: LiveServer) -> None:
    page = open_page(browser, server.url, [])
    start_call(page)
    assert places_taken(server) == 1
    page.goto("about:blank")
    wait_for_place(page, server)
    page.context.close()


def test_call_survives_a_restart_of_the_server(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with live_server(tmp_path / "first.log", "--test-pattern", port=port) as first:
        page = open_page(browser, first.url, [])
        start_call(page)
    expect(page.locator("body")).to_have_attribute("data-state", "reconnecting", timeout=10_000)
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost")
    with live_server(tmp_path / "second.log", "--test-pattern", port=port):
        page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
        expect(page.get_by_role("alert")).to_be_hidden()
        end(page)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (820, 1180), (1280, 800)])
def test_nothing_is_cut_off_at_any_size(browser: Browser, server: LiveServer, width: int, height: int) -> None:
    page = open_page(browser, server.url, [], viewport={"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#start", "#avatar"):
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
    page.context.close()


def test_another_portrait_goes_on_with_the_same_microphone(browser: Browser, tmp_path: Path) -> None:
    complaints: list[str] = []
    # One place only: the old call must have ended before the new one begins.
    with live_server(tmp_path / "server.log", max_sessions=1) as server:
        page = open_page(browser, server.url, complaints)
        start_call(page)
        first = microphone_of(page)
        faces = page.get_by_role("radio")
        assert faces.count() >= 2
        expect(faces.nth(0)).to_be_checked()
        faces.nth(1).check()
        page.wait_for_function("num => window.readMicrophone()?.numConnections > num", arg=first["numConnections"])
        page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
        expect(page.locator("#poster")).to_have_css("opacity", "0", timeout=LIVE_LIMIT_MS)
        assert microphone_of(page)["label"] == first["label"]
        assert places_taken(server) == 1
        page.reload()
        expect(page.get_by_role("radio").nth(1)).to_be_checked()
        wait_for_place(page, server)
    assert complaints == []


def asked_of(server: LiveServer, location: str) -> dict[str, Any]:
    """What the server says is asked of a call's face."""
    session_id = location.rpartition("/")[2]
    with urllib.request.urlopen(f"{server.url}v1/sessions/{session_id}", timeout=5) as response:
        return dict(json.load(response))


def expect_asked(page: Page, server: LiveServer, location: str, expected: dict[str, Any]) -> None:
    """Until the server was told what the page shows."""
    for _ in range(30):
        if asked_of(server, location) == expected:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"after 3 s the server has {asked_of(server, location)}, expected {expected}")


def test_the_face_is_directed_before_and_in_a_call_and_by_others(browser: Browser, tmp_path: Path) -> None:
    complaints: list[str] = []
    with live_server(tmp_path / "server.log", max_sessions=1) as server:
        page = open_page(browser, server.url, complaints)
        emotions = page.get_by_role("group", name="Emotion")
        expect(emotions.get_by_role("radio")).to_have_count(7)
        expect(emotions.get_by_role("radio", name="Neutral")).to_be_checked()
        expect(page.locator("#expression")).to_be_hidden()
        emotions.get_by_role("radio", name="Happy").check()
        with page.expect_response("**/v1/whip?*") as begun:
            start_call(page)
        location = begun.value.headers["location"]
        assert asked_of(server, location) == {"emotion": "happy", "motion": {}}

        # The whole of it by keyboard: arrows walk through emotions and move sliders.
        emotions.get_by_role("radio", name="Happy").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        smile = page.get_by_role("slider", name="Smile")
        smile.focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        expect(smile).to_have_attribute("aria-valuetext", "0.4 more")
        page.get_by_role("slider", name="Turn").fill("-1.5")
        expect_asked(page, server, location, {"emotion": "surprise", "motion": {"smile": 0.4, "yaw": -1.5}})

        # What somebody else asks over HTTP is shown, and a bad wish ends nothing.
        page.wait_for_timeout(700)
        session = f"{server.url}v1/sessions/{location.rpartition('/')[2]}"
        told = page.request.patch(session, data={"emotion": None, "motion": {"smile": -2}})
        assert told.ok
        expect(emotions.get_by_role("radio", name="Neutral")).to_be_checked()
        expect(smile).to_have_js_property("valueAsNumber", -2)
        assert page.request.patch(session, data={"motion": {"smile": 4}}).status == 422
        emotions.get_by_role("radio", name="Sad").check()

        # Another portrait is another session: it is told again.
        with page.expect_response("**/v1/whip?*") as again:
            page.get_by_role("group", name="Portrait").get_by_role("radio").nth(1).check()
        page.wait_for_selector("body[data-state=live]", timeout=LIVE_LIMIT_MS)
        location = again.value.headers["location"]
        expect_asked(page, server, location, {"emotion": "sad", "motion": {"smile": -2, "yaw": -1.5}})
        page.get_by_role("button", name="Reset").click()
        expect(smile).to_have_attribute("aria-valuetext", "0")
        expect_asked(page, server, location, {"emotion": "sad", "motion": {}})
        expect(page.get_by_role("button", name="Reset")).to_be_disabled()

        page.click("#stop")
        expect(page.locator("body")).to_have_attribute("data-state", "idle")
        page.reload()
        expect(emotions.get_by_role("radio", name="Sad")).to_be_checked()
        page.context.close()
    assert complaints == []
