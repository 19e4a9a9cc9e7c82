"""A bundle appears whole or not at all, whatever goes wrong while it is written."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from contract.errors import BundleError
from export.bundle_writer import written_beside

ROOT = Path(__file__).resolve().parent.parent.parent
WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
from export.bundle_writer import written_beside

with written_beside(Path(sys.argv[1])) as folder:
    (folder / "left_over.onnx").write_bytes(b"half")
    print("half", flush=True)
    sys.stdin.read()
"""


def write_into(output: Path, error: BaseException | None = None) -> None:
    with written_beside(output) as folder:
        (folder / "manifest.json").write_text("new")
        (folder / "part.onnx").write_bytes(b"half")
        if error is not None:
            raise error


def test_it_appears_whole_and_nothing_else_does(tmp_path: Path) -> None:
    write_into(tmp_path / "deep" / "bundle")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["bundle"]
    names = sorted(path.name for path in (tmp_path / "deep" / "bundle").iterdir())
    assert names == ["manifest.json", "part.onnx", "portraits"]


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), BundleError, "can't be written: .*No space left"),
        (BundleError("does not fit"), BundleError, "does not fit"),
        (KeyboardInterrupt("Ctrl-C"), KeyboardInterrupt, "Ctrl-C"),
        (MemoryError("12 GiB"), MemoryError, "12 GiB"),
    ],
)
@pytest.mark.parametrize("older", [False, True], ids=["new", "replacing"])
def test_a_failure_leaves_nothing_and_an_older_bundle_as_it_was(
    tmp_path: Path, error: BaseException, raised: type[BaseException], message: str, older: bool
) -> None:
    output = tmp_path / "bundle"
    if older:
        output.mkdir()
        (output / "manifest.json").write_text("old")
    with pytest.raises(raised, match=message):
        write_into(output, error)
    assert [path.name for path in tmp_path.iterdir()] == (["bundle"] if older else [])
    if older:
        assert {path.name: path.read_text() for path in output.iterdir()} == {"manifest.json": "old"}


def test_two_at_once_are_refused_and_what_a_killed_one_left_is_cleared_away(tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    command = [sys.executable, "-c", WRITE_UNTIL_KILLED, str(output)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None and other.stdout.readline() == "half\n"
            with pytest.raises(BundleError, match=r"bundle\.writing is being written by another program"):
                write_into(output)
            assert (tmp_path / "bundle.writing" / "left_over.onnx").read_bytes() == b"half"
        finally:
            other.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.writing"]
    write_into(output)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert {path.name for path in output.iterdir()} == {"manifest.json", "part.onnx", "portraits"}


def test_folders_of_ones_own_with_such_names_are_left_alone(tmp_path: Path) -> None:
    write_into(tmp_path / "bundle")
    (tmp_path / "bundle.older").mkdir()
    (tmp_path / "bundle.older" / "to_anna.txt").write_text("dear Anna")
    write_into(tmp_path / "bundle")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.older"]
    (tmp_path / "bundle.older").rename(tmp_path / "bundle.writing")
    with pytest.raises(BundleError, match=r"bundle\.writing is there and is no unfinished bundle"):
        write_into(tmp_path / "bundle")
    assert (tmp_path / "bundle.writing" / "to_anna.txt").read_text() == "dear Anna"


def test_where_the_last_renaming_fails_the_older_bundle_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "bundle"
    output.mkdir()
    (output / "manifest.json").write_text("old")
    rename = Path.rename

    def rename_but_one(path: Path, target: Path) -> Path:
        if path.name == "bundle.writing":
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_but_one)
    with pytest.raises(BundleError, match=r"can't be written: .*Input/output error"):
        write_into(output)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert {path.name: path.read_text() for path in output.iterdir()} == {"manifest.json": "old"}


def test_a_manifest_of_another_program_makes_no_bundle(tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.mkdir()
    (page / "manifest.json").write_text('{"name": "a web page"}')
    (page / "index.html").write_text("<p>")
    with pytest.raises(BundleError, match="is there and is no bundle"):
        write_into(page)
    assert {path.name for path in page.iterdir()} == {"manifest.json", "index.html"}


def test_other_things_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_anna.txt").write_text("dear Anna")
    for output in (tmp_path / "letters", tmp_path / "letters" / "to_anna.txt"):
        with pytest.raises(BundleError, match="is there and is no bundle"):
            write_into(output)
    assert (tmp_path / "letters" / "to_anna.txt").read_text() == "dear Anna"
    assert [path.name for path in tmp_path.rglob("*")] == ["letters", "to_anna.txt"]


@pytest.mark.parametrize("output", ["/proc/bundle", "/dev/null/bundle"])
def test_a_place_that_can_not_be_written_is_told_before_any_work(output: str) -> None:
    began = False
    with pytest.raises(BundleError, match="can't be written"), written_beside(Path(output)):
        began = True
    assert not began
