"""A short benchmark of a real server, with the pattern that measures transport."""

from pathlib import Path

import pytest

from bench.call_sound import speech_with_clicks
from bench.headless_calls import headless_calls
from bench.live_server import live_server
from bench.session_latency import PATTERN
from bench.session_report import WAYS, run_report

STAGES = ("capture", "ingest", "window", "queue", "python", "convert", "wait", "encode", "network", "jitter_buffer")


@pytest.mark.slow
@pytest.mark.system("espeak-ng")
def test_three_seconds_of_a_call_have_every_stage_in_their_order(tmp_path: Path) -> None:
    sound, starts = speech_with_clicks()
    with live_server(tmp_path / "server.log", *PATTERN, mark_clicks=True) as server:
        calls, load = headless_calls(server, 1, 3.0, sound, starts)
    found = run_report([calls], [load], None)
    assert set(found.stages) == {*STAGES, *WAYS}
    for stage in STAGES:
        assert 0 <= found.stages[stage].p50 < 5000, stage
    eye = found.stages["mic_to_eye"]
    # What passes first is all of it, and a pattern without a window waits for nothing of the avatar's.
    assert found.stages["capture"].p50 < eye.p50 < 5000
    assert found.stages["transport"].p50 <= eye.p50
    assert 1 <= found.num_clicks_seen <= found.num_clicks <= 4
    assert found.counts["frames_released"] > 10
    assert load.memory_mib > 20 and load.cpu_percent > 0 and set(load.parts_percent) >= {"event_loop", "coding"}
