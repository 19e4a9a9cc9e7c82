"""`float-avatar train` and `export`: their steps, and what is wrong as one line."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.export import export
from cli.main import app
from cli.train import Step, train
from contract.errors import BundleError, ConfigError, FloatAvatarError, MediaError
from tests.export.tiny_avatar import write_anchors, write_checkpoints
from training.speech_clips import load_clips

ROOT = Path(__file__).resolve().parent.parent.parent


SETTINGS: dict[str, Any] = {
    "warm_start": None,
    "minutes": 0.0,
    "num_clips": 1,
    "device": "cpu",
    "num_processes": 1,
    "seed": 1,
}


def help_of(command: str) -> str:
    # Wide enough that nothing is cut; typer's boxes and colours aside.
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"})
    assert done.exit_code == 0
    return " ".join(done.output.split())


def test_help_tells_the_steps_and_settings() -> None:
    text = help_of("train")
    for word in (
        *Step,
        "--folder",
        "--minutes",
        "--warm-start",
        "--num-clips",
        "--device",
        "--num-processes",
        "--seed",
    ):
        assert word in text
    assert "Export the trained networks to ONNX" in help_of("export")
    assert "--output" in help_of("export")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["dance"], "'dance' is not one of 'speech', 'reading', 'anchors', 'autoencoder', 'flow', 'portraits'"),
        (["speech", "--num-clips", "0"], "'--num-clips'"),
        (["autoencoder", "--num-processes", "0"], "'--num-processes'"),
        (["anchors", "--num-processes", "0"], "'--num-processes'"),
        (["flow", "--minutes", "-1"], "'--minutes'"),
        (["flow", "--seed", "-1"], "'--seed'"),
    ],
)
def test_arguments_without_meaning_are_refused_before_anything_is_loaded(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["train", *arguments], env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"})
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.system("skia")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"step": Step.flow}, BundleError, r"phase1\.pt is not there, expected a checkpoint"),
        ({"step": Step.flow, "device": "abacus"}, ConfigError, "device 'abacus' can't be used here"),
        ({"step": Step.autoencoder, "device": "abacus"}, ConfigError, "device 'abacus' can't be used here"),
        ({"step": Step.anchors}, BundleError, r"reading\.pt is not there, expected a checkpoint"),
        ({"step": Step.anchors, "device": "abacus"}, ConfigError, "device 'abacus' can't be used here"),
        ({"step": Step.reading, "device": "abacus"}, ConfigError, "device 'abacus' can't be used here"),
    ],
)
def test_what_training_lacks_is_named(
    tmp_path: Path, arguments: dict[str, Any], error: type[FloatAvatarError], message: str
) -> None:
    with pytest.raises(error, match=message):
        train(**{"folder": tmp_path, **SETTINGS, **arguments})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.system("skia")
def test_phase_2_wants_the_speech_and_a_checkpoint_of_phase_1(tmp_path: Path) -> None:
    phase1, _, phase2 = write_checkpoints(tmp_path)
    with pytest.raises(MediaError, match=r"speech\.npz can't be read as clips"):
        train(step=Step.flow, folder=tmp_path, **SETTINGS)
    phase2.replace(phase1)
    with pytest.raises(BundleError, match=r"phase1\.pt has no motion basis, expected the checkpoint of phase 1"):
        train(step=Step.flow, folder=tmp_path, **SETTINGS)


@pytest.mark.system("skia")
def test_anchors_want_the_checkpoint_of_their_reader(tmp_path: Path) -> None:
    write_checkpoints(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    # Another size's, and another kind's.
    with pytest.raises(BundleError, match=r"reading\.pt: .* is \[.*\], expected \["):
        train(step=Step.anchors, folder=tmp_path, **SETTINGS)
    (tmp_path / "phase2.pt").replace(tmp_path / "reading.pt")
    with pytest.raises(BundleError, match=r"reading\.pt is another kind of checkpoint: it lacks \['model'\]"):
        train(step=Step.anchors, folder=tmp_path, **SETTINGS)
    assert {path.name for path in tmp_path.iterdir()} == before - {"phase2.pt"}


@pytest.mark.system("skia", "espeak-ng", "flite", "festival")
def test_speech_is_made_for_training_and_for_judging(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = CliRunner().invoke(app, ["train", "speech", "--folder", str(folder), "--num-clips", "2"])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == ["held_out.npz", "speech.npz"]
    clips, held_out = load_clips(folder / "speech.npz"), load_clips(folder / "held_out.npz")
    assert (len(clips), len(held_out)) == (2, 1)
    assert not np.array_equal(clips[0].pcm, held_out[0].pcm)


@pytest.mark.system("skia")
def test_portraits_are_painted_and_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "portraits", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    pictures = {path.stem for path in (tmp_path / "portraits").glob("*.png")}
    assert len(pictures) >= 2
    assert pictures == set(re.findall(r"\w+", done.output)) - {"Portraits"}


def test_export_names_the_checkpoint_that_is_missing_or_of_another_size(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"phase1\.pt is not there, expected a checkpoint"):
        export(folder=tmp_path, output=tmp_path / "bundle")
    write_checkpoints(tmp_path)
    with pytest.raises(BundleError, match=r"anchors\.pt is not there, expected a checkpoint"):
        export(folder=tmp_path, output=tmp_path / "bundle")
    write_anchors(tmp_path)
    with pytest.raises(BundleError, match=r"phase1\.pt does not fit the model"):
        export(folder=tmp_path, output=tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("command", [["train", "portraits"], ["export"]])
def test_without_the_training_packages_one_line_says_what_to_install(command: list[str], tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'skia'):\n    sys.modules[name] = None\n"
        "from cli.main import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command, "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: this command needs \w+, which serving does without: .* extra `training`\n", done.stderr
    )
