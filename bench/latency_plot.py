"""Where the time goes, as a picture: one bar a kind of call, its stages end to end, and what 95 of 100 stay below.

In: a `SessionReport`. Out: a PNG.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.session_report import STAGES, RunReport, SessionReport
from contract.errors import ConfigError

WIDTH_IN = 11.0
BAR_IN = 0.55
MARGIN_IN = 2.2
DPI = 110


def check_plot() -> None:
    """Raises ConfigError where the package that draws is not installed."""
    if find_spec("matplotlib") is None:
        raise ConfigError("--plot needs matplotlib, which serving does without: install the extra `bench`")


def draw_latency(report: SessionReport, path: Path) -> None:
    """Draw the medians of the stages of every run; raises ConfigError where that is not possible."""
    check_plot()
    from matplotlib.figure import Figure

    names = list(report.runs)
    figure = Figure(figsize=(WIDTH_IN, MARGIN_IN + BAR_IN * len(names)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    colours = _colours(len(STAGES))
    for stage, colour in zip(STAGES, colours, strict=True):
        widths = [_median(run, stage) for run in report.runs.values()]
        before = [sum(_median(run, each) for each in STAGES[: STAGES.index(stage)]) for run in report.runs.values()]
        axes.barh(names, widths, left=before, color=colour, label=stage.replace("_", " "), height=0.6)
    for name, run in report.runs.items():
        if (eye := run.stages.get("mic_to_eye")) is not None:
            axes.plot([eye.p95, eye.p95], [name, name], "k|", markersize=22)
            axes.annotate(f"{eye.p50:.0f} / {eye.p95:.0f} ms", (eye.p95, name), (8, 0), textcoords="offset points")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("ms from the microphone; bars: medians of stages; |: 95th percentile of mic to eye")
    axes.set_title(f"{report.machine.processor}, {report.machine.num_cores} cores, {report.machine.commit}")
    axes.legend(ncols=7, loc="upper center", bbox_to_anchor=(0.5, -0.25), frameon=False, fontsize="small")
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}, expected a place for the plot") from error


def _median(run: RunReport, stage: str) -> float:
    found = run.stages.get(stage)
    return 0.0 if found is None else max(0.0, found.p50)


def _colours(number: int) -> Sequence[tuple[float, ...]]:
    from matplotlib import colormaps

    return [tuple(colormaps["tab20"](i % 20)) for i in range(number)]
