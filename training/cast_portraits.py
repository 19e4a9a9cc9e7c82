"""The portraits that ship with the embedded avatar: the painter's cast, as pictures.

Out: NAME.png in a folder, and portraits.json ({name: title}), the first one being the default.
"""

import json
from pathlib import Path

import cv2

from training.painter import CAST, paint, portrait_motion


def write_portraits(folder: Path, size_px: int) -> list[str]:
    """Paint everybody of the cast; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, identity in CAST.items():
        picture = paint(identity, portrait_motion(), size_px)
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1])
    (folder / "portraits.json").write_text(json.dumps({name: name.title() for name in CAST}, indent=2) + "\n")
    return list(CAST)
