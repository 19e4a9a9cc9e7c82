"""The report of calls: medians of rounds, tables and JSON, a plot that opens, and two reports side by side."""

import json
from pathlib import Path

import av
import pytest

from bench.comparison import compare, comparison_table, numbers
from bench.distribution import Distribution
from bench.latency_plot import draw_latency
from bench.record_file import check_place, read_record, write_text
from bench.session_latency import is_sustained
from bench.session_settings import SessionSettings
from contract.errors import ConfigError
from tests.bench.session_figures import report, run


def test_percentiles_are_those_of_numpy_and_of_nothing_there_are_none() -> None:
    assert Distribution.of(range(101)) == Distribution(101, 50.0, 95.0, 99.0)
    assert Distribution.of([]) is None


def test_of_rounds_the_median_is_told_and_numbers_add_up() -> None:
    found = run(200.0)
    assert found.stages["mic_to_eye"].p50 == (400 + 800) / 2 and found.stages["mic_to_eye"].num == 6
    assert found.stages["first_frame"].p50 == 300
    assert found.counts["frames_released"] == 100 and found.num_clicks == 6 and found.num_clicks_heard == 4
    assert found.overhead_percent_a_session == 12 and run(num_sessions=2).overhead_percent_a_session == 6


def test_the_record_holds_machine_settings_and_every_run() -> None:
    record = json.loads(json.dumps(report().to_json()))
    assert record["kind"] == "session" and record["machine"]["commit"] and record["settings"]["num_rounds"] == 2
    stage = record["runs"]["avatar, aiortc"]["stages_ms"]["mic_to_eye"]
    assert set(stage) == {"num", "p50", "p95", "p99"} and record["sessions_sustained"] == 2


def test_the_table_tells_all_of_it() -> None:
    told = report().table()
    for words in ("avatar, aiortc", "mic to eye", "frames repeated", "Sessions at once", "% a session", "commit"):
        assert words in told


def test_one_session_too_many_doubles_the_percentile_or_repeats_a_frame() -> None:
    assert is_sustained(run(390.0), run(200.0))
    assert not is_sustained(run(410.0), run(200.0))
    assert not is_sustained(run(200.0, repeated=1), run(200.0))


def test_the_plot_is_a_png_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "stages.png"
    draw_latency(report(), path)
    with av.open(str(path)) as picture:
        frame = next(picture.decode(video=0))
    assert frame.width > 800 and frame.to_ndarray(format="gray").std() > 5


def test_two_records_are_compared_number_by_number() -> None:
    first, second = report(200.0).to_json(), report(300.0).to_json()
    ratios = {each.name: each.ratio for each in compare(first, second)}
    assert ratios["runs / avatar, aiortc / stages_ms / mic_to_eye / p95"] == pytest.approx(1.5)
    assert ratios["runs / avatar, aiortc / stages_ms / window / p95"] == 1
    assert not any(name.startswith(("machine", "settings")) for name in ratios)
    second["settings"]["profile"] = "balanced"
    assert "settings profile: interactive | balanced" in comparison_table(first, second)
    with pytest.raises(ConfigError, match="no figure in common"):
        compare(first, {"frame_ms": 3.0})


def test_members_of_a_list_are_known_by_their_words() -> None:
    record = {"latencies": [{"component": "flow", "engine": "openvino", "median_ms": 3.5}], "rounds": [1, 2]}
    assert dict(numbers(record)) == {"latencies / flow openvino / median_ms": 3.5, "rounds / 0": 1, "rounds / 1": 2}


def test_files_that_can_not_be_written_or_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be written"):
        check_place(tmp_path / "absent" / "figures.json")
    write_text(tmp_path / "figures.json", "[1]")
    with pytest.raises(ConfigError, match="holds a list, expected an object"):
        read_record(tmp_path / "figures.json")
    write_text(tmp_path / "figures.json", "{")
    with pytest.raises(ConfigError, match="is no JSON"):
        read_record(tmp_path / "figures.json")
    with pytest.raises(ConfigError, match="can't be read"):
        read_record(tmp_path / "absent.json")


def test_settings_without_meaning_are_refused() -> None:
    with pytest.raises(ConfigError, match="viewer 'opera', expected one of auto, aiortc, chromium"):
        SessionSettings(viewer="opera")
    with pytest.raises(ConfigError, match="0 rounds of 60 s with 4 sessions, expected at least one of each"):
        SessionSettings(num_rounds=0)
    asked = SessionSettings(profile="paper", hop_frames=3, bundle=Path("b"))
    assert asked.serve_arguments() == ("--bundle", "b", "--profile", "paper", "--hop-frames", "3")
