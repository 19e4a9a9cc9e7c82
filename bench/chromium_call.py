"""A call from Chromium, with the page as people use it: where the time goes up to the screen.

In: a running server, a sound with clicks for Chromium's fake microphone. Out: `CallFigures` and the server's load.

A click is timed in the page's own microphone track (Web Audio), its picture by the mark, when the compositor means to
show it, its sound in the returned stream (Web Audio), all on the page's one clock. The browser takes the microphone as
it is: without echo cancelling, noise suppression and gain control. `network` is half of the round trip, `jitter_buffer`
what pictures spent in Chromium's since the second before. What this can't see: the time from the air to the track (10
ms of the capturing device), from Web Audio to the speaker, and from the compositor to the screen.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.call_figures import AVATAR_STAGES, NOT_COUNTED, CallFigures, first_of_clicks
from bench.call_recording import Recording, click_times_ms, flash_times_ms, spoken_times_ms
from bench.clicks import HEARD_LEVEL, matched
from bench.live_server import LiveServer
from bench.server_load import LoadMeter, ServerLoad
from bench.sound_files import write_wav
from contract.packets import VOICE_RATE_HZ, Int16Array

SETTLE_MS = 3000
# Inside of the mark of pipeline.click_marks.
MARK_BOX = (0.03, 0.03, 0.22, 0.22)
MARK_PX = 8
PEAK = HEARD_LEVEL / 32768


def chromium_call(
    server: LiveServer, duration_s: float, sound: tuple[Int16Array, Sequence[int]], folder: Path
) -> tuple[CallFigures, ServerLoad]:
    """Call from a page and measure for so long. sound: [samples] int16 at 48 kHz and the places of its clicks."""
    from playwright.sync_api import sync_playwright

    from bench.live_page import chromium, prepare_measuring, start_call

    microphone = write_wav(folder / "microphone.wav", sound[0])
    with sync_playwright() as playwright, chromium(playwright, microphone) as browser:
        page = browser.new_context(permissions=["microphone"], bypass_csp=True).new_page()
        prepare_measuring(page)
        page.goto(server.url)
        start_call(page)
        wanted = {"selector": "#avatar", "box": MARK_BOX, "width": MARK_PX, "height": MARK_PX}
        page.evaluate("wanted => window.startRecording({...wanted, track: window.microphoneTrack()})", wanted)
        # Beginning to record takes the cores for a moment, and is no part of the call.
        page.wait_for_timeout(SETTLE_MS)
        began_ms = page.evaluate("() => performance.now()")
        meter = LoadMeter(server)
        samples = [_sample(page)]
        # The server counts once a second: one more, so that so many are between its first count and its last.
        for _ in range(max(1, round(duration_s)) + 1):
            page.wait_for_timeout(1000)
            samples.append(_sample(page))
        load = meter.read()
        # Handing over what was recorded takes all cores for a second, and is no part of the call.
        ended_ms = page.evaluate("() => performance.now()")
        recording = Recording.from_page(page.evaluate("() => window.stopRecording()"))
        measured = page.evaluate("() => window.readMeasured()")
        page.click("#stop")
        page.wait_for_selector("body[data-state=idle]")
    return page_figures(recording, measured, samples, (began_ms, ended_ms)), load


def page_figures(
    recording: Recording,
    measured: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]],
    span_ms: tuple[float, float],
) -> CallFigures:
    """Figures of a recorded call.

    measured: as measuring_probe.js tells it
    samples: one a second, `video` and `pair` of getStats
    span_ms: when what is measured begins and ends, on the page's clock
    """
    stages: dict[str, list[float]] = {}

    def add(stage: str, times_ms: Sequence[float]) -> None:
        stages.setdefault(stage, []).extend(times_ms)

    heard = [each for each in measured["messages"] if span_ms[0] <= each["at"] <= span_ms[1]]
    traces = [each for each in heard if each["message"]["type"] == "trace"]
    rows = {row["position"]: row for each in traces for row in each["message"]["frames"]}
    for row in rows.values():
        for stage, time_s in row["stages_s"].items():
            add(stage, [1000 * time_s])
    for before, after in pairwise(samples):
        add("jitter_buffer", _buffered_ms(before["video"], after["video"]))
        add("network", [500 * after["pair"]["currentRoundTripTime"]] if after["pair"] else [])
    spoken_ms = spoken_times_ms(recording, PEAK)
    spoken_s = (spoken_ms[(span_ms[0] <= spoken_ms) & (spoken_ms <= span_ms[1])] / 1000).tolist()
    flashes_s = (flash_times_ms(recording) / 1000).tolist()
    clicks_s = (click_times_ms(recording, PEAK) / 1000).tolist()
    eyes = dict(matched(spoken_s, flashes_s))
    ears = dict(matched(spoken_s, clicks_s))
    frames = _frames_of(flashes_s, rows, traces)
    for spoken, flash in eyes.items():
        eye_s = flashes_s[flash] - spoken_s[spoken]
        add("mic_to_eye", [1000 * eye_s])
        row = frames.get(flash)
        if row is None:
            continue
        add("transport", [1000 * (eye_s - sum(row["stages_s"].get(stage, 0.0) for stage in AVATAR_STAGES))])
        if spoken in ears:
            place_s = row["click_samples"] / VOICE_RATE_HZ
            skew_ms = 1000 * (flashes_s[flash] - clicks_s[ears[spoken]] + place_s)
            add("av_skew", [skew_ms])
            add("av_skew_size", [abs(skew_ms)])
    add("mic_to_ear", [1000 * (clicks_s[ear] - spoken_s[spoken]) for spoken, ear in ears.items()])
    return CallFigures(
        stages_ms={stage: times_ms for stage, times_ms in stages.items() if times_ms},
        counts=_counts([each["message"] for each in heard if each["message"]["type"] == "stats"], samples),
        num_clicks=len(spoken_s),
        num_clicks_seen=len(eyes),
        num_clicks_heard=len(ears),
        first_frame_ms=measured["firstFrameAt"] - measured["offeredAt"],
    )


def _frames_of(
    flashes_s: Sequence[float], rows: Mapping[int, Mapping[str, Any]], traces: Sequence[Mapping[str, Any]]
) -> dict[int, Mapping[str, Any]]:
    """The server's row of each flash. The page's clock and the server's differ by some constant."""
    marks = first_of_clicks(rows)
    if not traces or not marks:
        return {}
    # A message tells of the frames of the last second, so this is right to within that.
    last = traces[-1]
    page_minus_server_s = last["at"] / 1000 - last["message"]["frames"][-1]["released_at_s"]
    released_s = [rows[position]["released_at_s"] + page_minus_server_s for position in marks]
    return {flash: rows[marks[mark]] for mark, flash in matched(released_s, flashes_s, least_s=-2.0)}


def _buffered_ms(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[float]:
    emitted = after["jitterBufferEmittedCount"] - before["jitterBufferEmittedCount"]
    return [1000 * (after["jitterBufferDelay"] - before["jitterBufferDelay"]) / emitted] if emitted else []


def _counts(statistics: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts = {"frames_released": 0, "frames_repeated": 0, "frames_dropped": 0}
    if statistics:
        first, last = statistics[0]["counts"], statistics[-1]["counts"]
        grown = {name: number - first[name] for name, number in last.items()}
        counts = {name: grown[name] for name in counts} | {
            name: number for name, number in grown.items() if number and name not in (*counts, *NOT_COUNTED)
        }
    before, after = samples[0]["video"], samples[-1]["video"]
    names = {"framesDecoded": "viewer_decoded", "framesDropped": "viewer_dropped", "freezeCount": "viewer_frozen"}
    return counts | {told: int(after.get(name, 0) - before.get(name, 0)) for name, told in names.items()}


def _sample(page: Any) -> dict[str, Any]:
    inbound = page.evaluate("() => window.readConnection()")
    video = next(entry for entry in inbound if entry["kind"] == "video")
    return {"video": video, "pair": page.evaluate("() => window.readPair()")}
