"""The wheel serves away from the checkout: page and avatar travel in it as package data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIND_WHAT_SHIPS = """
import sys
from importlib.resources import files
from pathlib import Path

import web
from bundles import embedded_bundle
from bundles.manifest import read_manifest

site = Path(sys.argv[1]).resolve()
assert Path(web.__file__).resolve().is_relative_to(site), web.__file__
assert "<html" in files("web").joinpath("index.html").read_text("utf-8")
for script in files("web").joinpath("index.html").read_text("utf-8").split('src="')[1:]:
    name = script.split('"')[0]
    assert files("web").joinpath(name).is_file(), name

bundle = Path(embedded_bundle()).resolve()
assert bundle.is_relative_to(site), bundle
manifest = read_manifest(bundle)
for component in manifest.components.values():
    assert (bundle / component.file).is_file(), component.file
for portrait in manifest.portraits.values():
    assert (bundle / portrait.file).is_file(), portrait.file
"""


def run(*command: str | Path, cwd: Path, site: Path | None = None) -> str:
    """Run a program away from the checkout, with `site` before all other packages; its output, or a failure with it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this checkout is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    copy.mkdir()
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, copy, cwd=folder)
    (wheel,) = folder.glob("float_avatar-*.whl")
    installed = folder / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", installed, wheel,
        cwd=folder)  # fmt: skip
    return installed


@pytest.mark.slow
def test_page_and_avatar_are_found_in_the_wheel(site: Path, tmp_path: Path) -> None:
    run(sys.executable, "-c", FIND_WHAT_SHIPS, site, cwd=tmp_path, site=site)


@pytest.mark.slow
def test_the_wheel_holds_no_tests_and_no_checkpoints(site: Path) -> None:
    assert not (site / "tests").exists()
    assert not [p.name for p in site.rglob("*") if p.suffix in (".pt", ".pth", ".safetensors")]


@pytest.mark.slow
def test_the_command_works_from_another_folder(site: Path, tmp_path: Path) -> None:
    command = site / "bin" / "float-avatar"
    assert "generate" in run(command, "--help", cwd=tmp_path, site=site)
    shown = run(command, "doctor", cwd=tmp_path, site=site)
    assert "Ready to serve." in shown
    assert str(site) in shown, "doctor looked at another bundle than the wheel's"
