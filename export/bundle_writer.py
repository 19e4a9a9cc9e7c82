"""A bundle is written beside its place and renamed there whole, so that no half of one is ever found.

In:  the folder it shall stand in
Out: a folder to write in, which takes that place once everything has succeeded
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

from bundles.manifest import FILE_NAME
from contract.errors import BundleError

_PORTRAITS = "portraits"
_SUFFIXES = (".onnx", ".npy", ".ranges.json")
_CLAIM = ".being-written"


@contextmanager
def written_beside(output: Path) -> Iterator[Path]:
    """A folder, with one for portraits inside, that takes the place of `output` when the block ends without an error.

    output: a new or empty folder, or an older bundle, which is replaced
    Raises BundleError where it is something else, can't be written or is being written by another program, at once
    where that shows at once; nothing is left behind then, and an older bundle stays as it was.
    """
    output = output.resolve()
    try:
        if output.exists() and not _may_be_replaced(output):
            raise BundleError(f"{output} is there and is no bundle, expected a new folder or a bundle to replace")
        with _claimed(output.with_name(output.name + ".writing")) as beside:
            (beside / _PORTRAITS).mkdir()
            yield beside
            (beside / _CLAIM).unlink()
            _put_in_place(beside, output)
    except OSError as error:
        raise BundleError(f"{output} can't be written: {error}") from error


def _may_be_replaced(folder: Path) -> bool:
    """True for an empty folder and for one with a manifest and nothing that bundles don't have."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    # Other programs call their files manifest.json, too.
    foreign = {name for name in names - {FILE_NAME, _PORTRAITS} if not name.endswith(_SUFFIXES)}
    return not names or (FILE_NAME in names and not foreign)


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """A folder that no other program writes in, cleared of what a killed one left; it goes where the block fails."""
    claim = folder / _CLAIM
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not claim.is_file():
        raise BundleError(f"{folder} is there and is no unfinished bundle, expected that name to be free")
    with claim.open("ab") as lock:
        try:
            # The system lets go of it when the program ends, however it does.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BundleError(f"{folder} is being written by another program, expected to be the only one") from None
        with ExitStack() as left_over:
            left_over.callback(shutil.rmtree, folder, ignore_errors=True)
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path != claim:
                    path.unlink()
            yield folder
            # It is in its place; what stands here by now is another's.
            left_over.pop_all()


def _put_in_place(beside: Path, output: Path) -> None:
    """Rename a finished bundle to its place; the older one goes once the new one stands there."""
    if not output.exists():
        beside.rename(output)
        return
    older = Path(mkdtemp(prefix=f"{output.name}.older-", dir=output.parent))
    try:
        output.rename(older)
        beside.rename(output)
    finally:
        if not output.exists():
            older.rename(output)
        shutil.rmtree(older, ignore_errors=True)
