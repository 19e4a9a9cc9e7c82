"""What a machine lacks is said, never hidden: left out by name at the desk, a failure under CI=1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
A_TEST_THAT_NEEDS_ESPEAK = """
import pytest

@pytest.mark.system("espeak-ng")
def test_speech():
    pass

def test_anything_else():
    pass
"""


def run_pytest(folder: Path, source: str, ci: str | None) -> subprocess.CompletedProcess[str]:
    """Pytest over one made-up file, with our conftest, where no program is on the path."""
    (folder / "test_made_up.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = system: needs a package\n")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"PATH": str(folder), "PYTHONPATH": str(ROOT), **({} if ci is None else {"CI": ci})}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            str(folder),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_at_the_desk_it_is_left_out_and_named(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, A_TEST_THAT_NEEDS_ESPEAK, ci=None)
    assert done.returncode == 0, done.stdout
    assert "left out, not installed: espeak-ng" in done.stdout
    assert "test_made_up.py::test_speech" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize("ci", ["1", "true"])
def test_under_ci_it_fails(tmp_path: Path, ci: str) -> None:
    done = run_pytest(tmp_path, A_TEST_THAT_NEEDS_ESPEAK, ci)
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
    assert "not installed: espeak-ng" in done.stdout


def test_a_need_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, A_TEST_THAT_NEEDS_ESPEAK.replace("espeak-ng", "espeak"), ci=None)
    assert done.returncode != 0
    assert "a test may need" in done.stdout + done.stderr
