"""Verdicts and the table's text."""

import json

import pytest

from evaluation.table import Figure, as_json, as_markdown, not_measured


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("r", "n", 0.96, 0.92, 0.95), "goal"),
        (Figure("r", "n", 0.95, 0.92, 0.95), "goal"),
        (Figure("r", "n", 0.93, 0.92, 0.95), "bar"),
        (Figure("r", "n", 0.91, 0.92, 0.95), "below the bar"),
        (Figure("r", "n", 4.0, 8, 5, "lower"), "goal"),
        (Figure("r", "n", 8.0, 8, 5, "lower"), "bar"),
        (Figure("r", "n", 8.1, 8, 5, "lower"), "below the bar"),
        (Figure("r", "n", 0.99, 0.99), "bar"),
        (Figure("r", "n", 12.0, 8, 30, "between"), "within"),
        (Figure("r", "n", 31.0, 8, 30, "between"), "outside"),
        (Figure("r", "n", 0.5, better="neither"), ""),
        (Figure("r", "n", None, 0.9), "not measured"),
        (Figure("r", "n", float("nan"), 0.9), "below the bar"),
    ],
)
def test_a_figure_judges_itself(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict


def test_the_table_has_a_line_a_figure_and_says_what_is_missing() -> None:
    figures = [
        Figure("lips", "r of jaw", 0.9234, 0.85, 0.9, note="six voices"),
        Figure("rest", "closed", 0.995, 0.99, unit="%"),
        Figure("speed", "one frame", 11.26, 12, 8, "lower", "ms"),
        Figure("blinks", "blinks", 17.0, 8, 30, "between"),
        *not_measured("voice", ["r"], "no a|b here"),
    ]
    lines = as_markdown(figures).splitlines()
    assert lines[2:] == [
        "| r of jaw | 0.85 | 0.9 | 0.923 | goal | six voices |",
        "| closed | 99 % |  | 99.5 % | bar |  |",
        "| one frame | 12 ms | 8 ms | 11.3 ms | bar |  |",
        "| blinks | 8 to 30 |  | 17 | within |  |",
        "| r |  |  | - | not measured | no a/b here |",
    ]


def test_json_keeps_figures_verdicts_and_origin() -> None:
    kept = json.loads(as_json([Figure("lips", "r", 0.9, 0.85, 0.95)], {"commit": "abc"}))
    assert kept["made_by"] == {"commit": "abc"}
    assert kept["figures"][0]["value"] == 0.9 and kept["figures"][0]["verdict"] == "bar"
