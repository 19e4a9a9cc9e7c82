"""The avatar models that ship: a folder each, with a manifest, a file a component and portraits."""

from importlib.resources import files
from pathlib import Path

from contract.errors import BundleError

EMBEDDED_NAME = "illustrated"


def embedded_bundle() -> Path:
    """The folder of the avatar that ships with the program; raises BundleError where the install lacks it."""
    folder = Path(str(files(__name__))) / EMBEDDED_NAME
    if not folder.is_dir():
        raise BundleError(f"the install lacks its own avatar: no folder {folder}")
    return folder
