"""The mean delay to the screen, from pictures whose delays are known."""

import math

import pytest
from playwright.sync_api import Playwright

from tests.browser.module_page import in_module, module_page

pytestmark = [pytest.mark.browser, pytest.mark.system("chromium")]

WATCHED = """(() => {
    let show;
    const delay = new module.DisplayDelay({ requestVideoFrameCallback: (look) => { show = look; } });
    return given.map((pictures) => {
        pictures.forEach((picture) => show(0, picture));
        return delay.take();
    });
})()"""


def test_each_mean_is_of_the_pictures_since_the_last(playwright: Playwright) -> None:
    pictures = [{"receiveTime": 100, "expectedDisplayTime": 130}, {"receiveTime": 140, "expectedDisplayTime": 190}]
    with module_page(playwright) as page:
        means_ms = in_module(page, "display_delay.js", WATCHED, [pictures, [], pictures[:1], [{}]])
        unwatched_ms = in_module(page, "display_delay.js", "new module.DisplayDelay({}).take()")
    assert means_ms[0] == 40
    assert math.isnan(means_ms[1])
    assert means_ms[2] == 30
    assert math.isnan(means_ms[3])
    assert math.isnan(unwatched_ms)
