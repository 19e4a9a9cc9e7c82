"""`evaluate` as a whole: what is refused at once, and a trial of the machinery from end to end."""

import json
from pathlib import Path

import cv2
import pytest

from bundles import embedded_bundle
from contract.errors import BundleError, ConfigError
from evaluation.run import ROWS, EvaluationConfig, circumstances, evaluate

pytestmark = pytest.mark.system("skia")


def test_unknown_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rows \['beauty'\] are unknown, expected some of image, lips"):
        evaluate(EvaluationConfig(embedded_bundle(), ("lips", "beauty")), tmp_path, print)


def test_a_folder_of_photographs_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        evaluate(EvaluationConfig(embedded_bundle(), (), tmp_path / "nowhere"), tmp_path, print)


def test_a_bundle_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        evaluate(EvaluationConfig(tmp_path), tmp_path / "out", print)


def test_figures_say_of_what_and_where_they_are() -> None:
    known = circumstances(EvaluationConfig(embedded_bundle(), is_quick=True))
    assert known["bundle"] == "illustrated" and known["is_quick"] is True
    assert known["cpu"] and known["at"].endswith("+00:00")


@pytest.mark.slow
@pytest.mark.system("espeak-ng", "flite")
def test_every_row_is_measured_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told: list[str] = []
    figures = evaluate(EvaluationConfig(embedded_bundle(), is_quick=True), tmp_path / "out", told.append)
    assert [line.partition(":")[0] for line in told] == list(ROWS)
    kept = json.loads((tmp_path / "out" / "figures.json").read_text("utf-8"))
    assert len(kept["figures"]) == len(figures)
    assert kept["made_by"]["is_quick"] is True and "r_opening" in kept["made_by"]["reader"]
    for figure in figures:
        assert figure.value is not None or figure.note, figure
    measured = {figure.name: figure.value for figure in figures if figure.value is not None}
    likeness = measured["SSIM in mouth and eyes against the painter"]
    assert 0.2 < likeness <= 1.0
    table = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert len(table.splitlines()) == len(figures) + 2
    for sheet in ("image", "lips", "emotions"):
        assert cv2.imread(str(tmp_path / "out" / f"{sheet}.png")) is not None
