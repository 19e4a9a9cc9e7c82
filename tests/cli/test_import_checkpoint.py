"""`float-avatar import-checkpoint`: its faces, and one line for whatever is wrong. What it makes: tests/official."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from bundles import embedded_bundle
from bundles.manifest import read_manifest
from cli.import_checkpoint import own_faces, painted_faces
from contract.errors import BundleError, PortraitError
from pipeline.face_detector import open_face_detector
from tests.pipeline.drawn_face import draw_faces

ROOT = Path(__file__).resolve().parent.parent.parent


def decoded(png: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def write_picture(path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def test_the_painted_faces_come_with_it_at_its_own_size() -> None:
    embedded = read_manifest(embedded_bundle(), verify_sums=False)
    faces = painted_faces(512)
    assert next(iter(faces)) == embedded.default_portrait
    assert faces.keys() == embedded.portraits.keys()
    for name, face in faces.items():
        assert (face.title, face.licence) == (embedded.portraits[name].title, "Apache-2.0")
        assert decoded(face.png).shape == (512, 512, 3)


def test_faces_of_ones_own_are_found_cut_out_and_named_after_their_files(tmp_path: Path) -> None:
    write_picture(tmp_path / "Zoë at sea.png", draw_faces(400, 600, (420, 200, 70)))
    write_picture(tmp_path / "ben.JPG", draw_faces(500, 500, (250, 250, 90)))
    (tmp_path / "notes.txt").write_text("no picture")
    faces = own_faces(tmp_path, 512, open_face_detector())
    assert list(faces) == ["zoe-at-sea", "ben"]
    assert [face.title for face in faces.values()] == ["Zoë at sea", "ben"]
    picture = decoded(faces["zoe-at-sea"].png)
    assert picture.shape == (512, 512, 3)
    # The face was off the middle, and is not any more.
    assert np.abs(picture[200:312, 200:312].mean((0, 1)) - (225, 180, 150)).max() < 40


def test_pictures_that_are_cut_already_are_taken_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.full((200, 300, 3), 40, np.uint8)
    picture[:, 50:250] = (200, 120, 60)
    write_picture(tmp_path / "drawn.png", picture)
    faces = own_faces(tmp_path, 512, None)
    assert np.abs(decoded(faces["drawn"].png).astype(int) - (200, 120, 60)).max() <= 1
    told = capsys.readouterr().err
    assert "Warning: drawn.png: the portrait is only 200 px wide" in told
    assert "Warning: drawn.png: of the picture's 300 x 200 px only the middle square is taken." in told


def test_pictures_that_are_none_or_hold_no_face_are_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds no pictures"):
        own_faces(tmp_path, 512, open_face_detector())
    with pytest.raises(BundleError, match="nowhere holds no pictures"):
        own_faces(tmp_path / "nowhere", 512, open_face_detector())
    write_picture(tmp_path / "sky.png", np.full((300, 300, 3), 120, np.uint8))
    with pytest.raises(PortraitError, match=r"sky\.png: no face was found in the picture of 300 x 300 px"):
        own_faces(tmp_path, 512, open_face_detector())
    (tmp_path / "sky.png").write_text("no picture")
    with pytest.raises(PortraitError, match=r"sky\.png"):
        own_faces(tmp_path, 512, open_face_detector())


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("Anna.png", "anna.jpg"):
        write_picture(tmp_path / name, draw_faces(500, 500, (250, 250, 90)))
    with pytest.raises(BundleError, match=r"anna\.jpg would be called 'anna'"):
        own_faces(tmp_path, 512, open_face_detector())


def test_what_is_wrong_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    arguments = [
        *("--checkpoint", str(tmp_path / "float.pth"), "--wav2vec2", str(tmp_path / "wav2vec2")),
        *("--emotion-classifier", str(tmp_path / "emotion"), "--output", str(tmp_path / "bundle")),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "import-checkpoint", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "wav2vec2/config.json can't be read" in line
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
