"""A bundle is written beside its place and renamed there whole, so that no half of one is ever found.

In:  the folder it shall stand in
Out: a folder to write in, which takes that place once everything has succeeded
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundles.manifest import FILE_NAME
from contract.errors import BundleError


@contextmanager
def written_beside(output: Path) -> Iterator[Path]:
    """A folder, with one for portraits inside, that takes the place of `output` when the block ends without an error.

    output: a new or empty folder, or an older bundle, which is replaced
    Raises BundleError where it is something else or can't be written, at once where that shows at once; nothing is
    left behind then, and an older bundle stays as it was.
    """
    output = output.resolve()
    if output.exists() and not _may_be_replaced(output):
        raise BundleError(f"{output} is there and is no bundle, expected a new folder or a bundle to replace")
    beside = output.with_name(output.name + ".writing")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        (beside / "portraits").mkdir(parents=True)
        yield beside
        _put_in_place(beside, output)
    except OSError as error:
        raise BundleError(f"{output} can't be written: {error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _may_be_replaced(folder: Path) -> bool:
    return folder.is_dir() and ((folder / FILE_NAME).is_file() or not any(folder.iterdir()))


def _put_in_place(beside: Path, output: Path) -> None:
    """Rename a finished bundle to its place; the older one goes once the new one stands there."""
    older = output.with_name(output.name + ".older")
    shutil.rmtree(older, ignore_errors=True)
    if output.exists():
        output.rename(older)
    try:
        beside.rename(output)
    except OSError:
        if older.exists():
            older.rename(output)
        raise
    shutil.rmtree(older, ignore_errors=True)
