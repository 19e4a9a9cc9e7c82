"""`float-avatar bench`: figures to read and figures to keep, and one clear error where they can't be had."""

import json
import tempfile
from pathlib import Path

import pytest

from bench import engine_report
from cli.bench import engines
from cli.bench_calls import avatar, compare, session
from contract.errors import BundleError, ConfigError, EngineNotFoundError


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(EngineNotFoundError, match=r"'abacus' is unknown, expected auto, openvino, onnxruntime"):
        engines(engine=["abacus"])
    with pytest.raises(ConfigError, match=r"size 'large', expected one of official, embedded"):
        engines(size="large")
    with pytest.raises(ConfigError, match=r"0 rounds on 2 threads, expected at least one of each"):
        engines(num_rounds=0)


def test_a_place_that_can_not_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    for output in (tmp_path / "absent" / "figures.json", tmp_path):
        with pytest.raises(ConfigError, match="can't be written, expected a file in a folder"):
            engines(output=output)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is no bundle"):
        engines(bundle=tmp_path)


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_report, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(ConfigError, match=r"need torch, .*install the extra `training`"):
        engines()


@pytest.mark.slow
def test_the_embedded_size_is_made_measured_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    output = tmp_path / "figures.json"
    engines(size="embedded", engine=["openvino"], num_threads=1, num_rounds=1, output=output)
    figures = json.loads(output.read_text())
    assert figures["errors_against"] == "pytorch" and figures["num_threads"] == 1
    found = {(each["component"], each["engine"], each["precision"]): each for each in figures["latencies"]}
    assert found["flow_transformer", "openvino", "float32"]["largest_error"] < 1e-4
    assert found["frame_decoder", "openvino", "float32"]["largest_error"] < 1e-3
    assert figures["frame_ms"]["pytorch float32"] == pytest.approx(
        found["frame_decoder", "pytorch", "float32"]["median_ms"]
        + 9 * found["flow_transformer", "pytorch", "float32"]["median_ms"] / 50
    )
    told = capsys.readouterr().out
    assert "frame_decoder" in told and "real time is 40 ms" in told
    # Neither the components nor what was compiled of them is left.
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(("float-avatar", "mine"))]


@pytest.mark.slow
def test_a_bundle_is_measured_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are in its files alone: the plain modules give the time, the first engine the numbers."""
    from bundles import embedded_bundle

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    output = tmp_path / "figures.json"
    engines(bundle=embedded_bundle(), num_threads=1, num_rounds=1, output=output)
    figures = json.loads(output.read_text())
    assert figures["errors_against"] == "openvino float32"
    errors = {(each["component"], each["engine"], each["precision"]): each for each in figures["latencies"]}
    assert errors["flow_transformer", "pytorch", "float32"]["largest_error"] is None
    assert 0 < errors["flow_transformer", "onnxruntime", "float32"]["largest_error"] < 1e-4


def test_two_files_of_figures_are_put_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, median_ms in (("a.json", 4.0), ("b.json", 6.0)):
        (tmp_path / name).write_text(json.dumps({"machine": {"commit": name}, "frame_ms": {"openvino": median_ms}}))
    compare(tmp_path / "a.json", tmp_path / "b.json")
    told = capsys.readouterr().out
    assert "frame_ms / openvino" in told and "1.500" in told and "machine commit: a.json | b.json" in told


def test_calls_that_can_not_be_kept_are_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be written, expected a file in a folder"):
        session(plot=tmp_path / "absent" / "stages.png")
    with pytest.raises(ConfigError, match="can't be written, expected a file in a folder"):
        avatar(output=tmp_path)
    with pytest.raises(ConfigError, match="viewer 'opera'"):
        session(viewer="opera")
