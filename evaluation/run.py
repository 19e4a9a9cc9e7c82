"""The whole examination: every row asked for, one table, its sheets of pictures.

In: a bundle. Out: FOLDER/table.md, figures.json, and a JPEG a sheet; the table in a document of its own, too.
"""

import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

from contract.errors import ConfigError, FloatAvatarError
from evaluation.document import put_table
from evaluation.examination import QUICK_SIZE, Examination, ExaminationSize
from evaluation.motion_rows import emotions, seams
from evaluation.photograph_rows import photographs
from evaluation.picture_rows import identity, image, speed
from evaluation.speech_rows import lips, real_voice, rest
from evaluation.table import Figure, as_json, as_markdown, not_measured

_QUALITY = 88
ROWS: dict[str, Callable[[Examination], list[Figure]]] = {
    "image": image,
    "lips": lips,
    "emotions": emotions,
    "rest": rest,
    "seams": seams,
    "identity": identity,
    "speed": speed,
    "photographs": photographs,
    "real_voice": real_voice,
}


@dataclass(frozen=True)
class EvaluationConfig:
    """What to measure.

    bundle: its folder; rows: some of ROWS, all where empty
    photographs: a folder of pictures beside those that installed packages hold
    document: a Markdown file whose table is to be replaced by the new one, between its two marks
    is_quick: a trial of the machinery, its figures without meaning
    """

    bundle: Path
    rows: tuple[str, ...] = ()
    photographs: Path | None = None
    document: Path | None = None
    is_quick: bool = False


def evaluate(config: EvaluationConfig, output: Path, tell: Callable[[str], None]) -> list[Figure]:
    """Measure the rows and write them to a folder; a row that can't be measured says why.

    tell: is given a line a row
    Raises ConfigError for an unknown row, BundleError, EngineError.
    """
    if unknown := sorted(set(config.rows) - set(ROWS)):
        raise ConfigError(f"rows {unknown} are unknown, expected some of {', '.join(ROWS)}")
    if config.photographs is not None and not config.photographs.is_dir():
        raise ConfigError(f"{config.photographs} is no folder, expected one of photographs")
    if config.document is not None:
        put_table(config.document, None)
    size = QUICK_SIZE if config.is_quick else ExaminationSize()
    exam = Examination(config.bundle, size, config.photographs)
    figures: list[Figure] = []
    try:
        for name in [name for name in ROWS if name in (config.rows or ROWS)]:
            figures += _row(name, exam, tell)
            # After each row, since a whole table takes minutes.
            write(figures, exam, config, output)
    finally:
        exam.close()
    return figures


def write(figures: list[Figure], exam: Examination, config: EvaluationConfig, output: Path) -> None:
    """Table, figures and sheets as far as they are measured."""
    output.mkdir(parents=True, exist_ok=True)
    made_by = {**circumstances(config), "reader": exam.reader.checks if "reader" in vars(exam) else {}}
    text = f"{as_markdown(figures)}\n{origin(made_by)}\n"
    (output / "table.md").write_text(text, "utf-8")
    if config.document is not None:
        put_table(config.document, text)
    (output / "figures.json").write_text(as_json(figures, made_by), "utf-8")
    for name, picture in exam.sheets.items():
        # JPEG, since they are many and for the eye alone.
        cv2.imwrite(str(output / f"{name}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _row(name: str, exam: Examination, tell: Callable[[str], None]) -> list[Figure]:
    began_s = time.monotonic()
    try:
        figures = ROWS[name](exam)
    except FloatAvatarError as error:
        # What this machine lacks (a synthesiser, say) must not cost the other rows.
        figures = not_measured(name, [name], " ".join(str(error).split()))
    tell(f"{name}: {time.monotonic() - began_s:.0f} s")
    return figures


def origin(made_by: dict[str, Any]) -> str:
    """One line: of what, where and when the figures are."""
    trial = " A trial of the machinery: these figures mean nothing." if made_by["is_quick"] else ""
    return (
        f"Bundle `{made_by['bundle']}`, commit `{made_by['commit'] or 'unknown'}`, {made_by['cpu']}, "
        f"{made_by['num_cores']} cores, {made_by['at'][:10]}.{trial}"
    )


def circumstances(config: EvaluationConfig) -> dict[str, Any]:
    """Of what, where and when the figures are."""
    cpu = Path("/proc/cpuinfo")
    text = cpu.read_text("utf-8", errors="replace") if cpu.exists() else ""
    models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return {
        "bundle": config.bundle.name,
        "commit": _commit(),
        "cpu": models[0] if models else platform.processor(),
        "num_cores": len(models),
        "python": platform.python_version(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "is_quick": config.is_quick,
    }


def _commit() -> str:
    """The checkout's commit, empty outside one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
