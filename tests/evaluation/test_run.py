"""`evaluate` as a whole: what is refused at once, and a trial of the machinery from end to end."""

import json
from pathlib import Path

import cv2
import pytest

from bundles import embedded_bundle
from contract.errors import BundleError, ConfigError
from evaluation.document import BEGIN_MARK, END_MARK
from evaluation.run import ROWS, EvaluationConfig, circumstances, evaluate

pytestmark = pytest.mark.system("skia")


def test_unknown_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rows \['beauty'\] are unknown, expected some of image, lips"):
        evaluate(EvaluationConfig(embedded_bundle(), ("lips", "beauty")), tmp_path, print)


def test_a_folder_of_photographs_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        evaluate(EvaluationConfig(embedded_bundle(), (), tmp_path / "nowhere"), tmp_path, print)


def test_a_document_must_have_a_place_for_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    with pytest.raises(ConfigError, match="can't be read"):
        evaluate(EvaluationConfig(embedded_bundle(), document=page), tmp_path, print)
    page.write_text(f"# Title\n{BEGIN_MARK}\n", "utf-8")
    with pytest.raises(ConfigError, match="has no place for the table"):
        evaluate(EvaluationConfig(embedded_bundle(), document=page), tmp_path, print)


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
    document = tmp_path / "page.md"
    document.write_text(f"# Title\n{BEGIN_MARK}\nold\n{END_MARK}\nThe end.\n", "utf-8")
    told: list[str] = []
    config = EvaluationConfig(embedded_bundle(), document=document, is_quick=True)
    figures = evaluate(config, tmp_path / "out", told.append)
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
    assert sum(line.startswith("|") for line in table.splitlines()) == len(figures) + 2
    assert "these figures mean nothing" in table
    text = document.read_text("utf-8")
    assert text.startswith("# Title\n") and text.endswith("The end.\n") and "\nold\n" not in text and table in text
    for sheet in ("image", "lips", "emotions"):
        assert cv2.imread(str(tmp_path / "out" / f"{sheet}.jpg")) is not None
