"""A bundle appears whole or not at all, whatever goes wrong while it is written."""

import errno
from pathlib import Path

import pytest

from contract.errors import BundleError
from export.bundle_writer import written_beside


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


def test_what_a_killed_program_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "bundle.writing").mkdir()
    (tmp_path / "bundle.writing" / "left_over.onnx").write_bytes(b"")
    write_into(tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert not (tmp_path / "bundle" / "left_over.onnx").exists()


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
