"""How a camera says its picture is to be turned, read from the file's EXIF block.

FFmpeg tells the turn, not whether the picture is mirrored besides.
"""

import struct

_TAG = 0x0112
_MARKS = (b"Exif\x00\x00", b"eXIf", b"EXIF")
_TIFF = {b"II*\x00": "<", b"MM\x00*": ">"}
_MIRRORED = (2, 4, 5, 7)
_MOST_ENTRIES = 512


def is_mirrored(content: bytes) -> bool:
    """True where the picture file's EXIF orientation is one of the mirrored ones."""
    return _orientation(content) in _MIRRORED


def _orientation(content: bytes) -> int:
    """EXIF orientation 1 to 8; 1 where there is none or it can't be read."""
    start = _tiff_start(content)
    if start is None:
        return 1
    order = _TIFF[content[start : start + 4]]
    try:
        (offset,) = struct.unpack_from(f"{order}I", content, start + 4)
        (num_entries,) = struct.unpack_from(f"{order}H", content, start + offset)
        for i in range(min(num_entries, _MOST_ENTRIES)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", content, start + offset + 2 + 12 * i)
            if tag == _TAG:
                return int(value)
    except struct.error:
        return 1
    return 1


def _tiff_start(content: bytes) -> int | None:
    if content[:4] in _TIFF:
        return 0
    for mark in _MARKS:
        at = content.find(mark)
        # A WebP's chunk has its size between its name and its content.
        for start in (at + len(mark), at + len(mark) + 4):
            if at >= 0 and content[start : start + 4] in _TIFF:
                return start
    return None
