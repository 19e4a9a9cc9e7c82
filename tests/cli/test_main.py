"""The command line as a program: help, one line for an error, nothing heavy loaded for help."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli import main
from contract.errors import BundleError

ROOT = Path(main.__file__).resolve().parent.parent
HEAVY = ("torch", "openvino", "onnxruntime", "av", "cv2", "fastapi", "aiortc", "skia", "numpy")


def run_float_avatar(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_help_names_every_command() -> None:
    done = run_float_avatar("--help")
    assert done.returncode == 0, done.stderr
    for name in main.COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("command", main.COMMANDS)
def test_a_commands_help_tells_what_it_does_and_loads_nothing_heavy(command: str) -> None:
    program = (
        "import sys\nfrom cli.main import app\n"
        "try:\n    app()\nexcept SystemExit as end:\n"
        f"    heavy = set({HEAVY}) & set(sys.modules)\n"
        "    sys.exit(f'loaded for help: {heavy}' if heavy else end.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
    assert "--" in done.stdout


def test_an_unknown_command_is_refused() -> None:
    done = run_float_avatar("sing")
    assert done.returncode == 2
    assert "sing" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_ours_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise BundleError("no manifest.json in /nowhere,\n  expected a bundle")

    with pytest.raises(SystemExit) as ended:
        main.main(fail)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: no manifest.json in /nowhere, expected a bundle\n"


def test_another_error_keeps_its_traceback() -> None:
    def fail() -> None:
        raise ZeroDivisionError("a defect of the program")

    with pytest.raises(ZeroDivisionError):
        main.main(fail)
