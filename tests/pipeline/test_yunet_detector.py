"""A YuNet file's faces come back in the picture's own pixels, and what is no such file is refused by name."""

from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError
from pipeline.face_detector import open_face_detector
from tests.bundles.tiny_bundle import write_component
from tests.pipeline.yunet_model import write_yunet_like


def red_patch(height: int, width: int, x: int, y: int, half: int) -> np.ndarray:
    picture = np.full((height, width, 3), 120, np.uint8)
    picture[y - half : y + half, x - half : x + half] = (255, 0, 0)
    return picture


@pytest.mark.parametrize(("height", "width", "scale"), [(480, 640, 1.0), (1280, 960, 2.0), (320, 160, 0.5)])
def test_a_face_is_found_where_it_is(tmp_path: Path, height: int, width: int, scale: float) -> None:
    detector = open_face_detector(write_yunet_like(tmp_path / "yunet.onnx"))
    x, y = int(112 * scale), int(176 * scale)
    (face,) = detector.find(red_patch(height, width, x, y, int(16 * scale)))
    assert abs((face.left + face.right) / 2 - x) <= 2 * scale
    assert abs((face.top + face.bottom) / 2 - y) <= 2 * scale
    assert abs(face.side_px - 96 * scale) <= 2 * scale
    assert (face.view, face.is_certain) == ("frontal", True)
    assert abs(face.tilt_deg) < 1
    assert detector.find(np.full((height, width, 3), 120, np.uint8)) == []


@pytest.mark.parametrize(("aside", "view"), [(0.05, "frontal"), (-0.15, "turned"), (0.15, "turned"), (0.4, "side")])
def test_the_nose_tells_how_far_a_head_is_turned(tmp_path: Path, aside: float, view: str) -> None:
    detector = open_face_detector(write_yunet_like(tmp_path / "yunet.onnx", nose_aside=aside))
    (face,) = detector.find(red_patch(480, 640, 112, 176, 16))
    assert face.view == view


def test_what_is_no_yunet_file_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    other = tmp_path / "other.onnx"
    write_component(other, "audio_encoder")
    for path in (text, other):
        with pytest.raises(ConfigError, match=rf"{path.name} can't be used, expected a YuNet ONNX file"):
            open_face_detector(path)
    with pytest.raises(ConfigError, match="is not there, expected a file"):
        open_face_detector(tmp_path / "nowhere.onnx")
    with pytest.raises(ConfigError, match="is a folder, expected a file"):
        open_face_detector(tmp_path)
