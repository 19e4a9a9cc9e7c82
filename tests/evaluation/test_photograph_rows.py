"""What is measured on photographs: warped back, turned faces are their source; a chin that drops opens a mouth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.image_quality import ssim_map
from evaluation.photograph_rows import (
    box_px,
    flow_between,
    found_photographs,
    inside,
    opening_by_flow,
    warped_back,
)
from tests.pipeline.drawn_face import draw_faces

SIDE = 128


def texture(seed: int = 0) -> np.ndarray:
    """Smooth patches of colour, which a flow can follow."""
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def moved(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    shift = np.array([[1, 0, x], [0, 1, y]], np.float64)
    size = (SIDE, SIDE)
    return np.asarray(cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_a_shift_is_found_and_undone() -> None:
    source = texture()
    frame = moved(source, 3.0, -2.0)
    flow = flow_between(source, frame)
    box = (24, 24, 104, 104)
    assert float(np.median(inside(flow[..., 0], box))) == pytest.approx(3.0, abs=0.3)
    assert float(np.median(inside(flow[..., 1], box))) == pytest.approx(-2.0, abs=0.3)
    assert ssim_map(source, warped_back(frame, flow))[24:104, 24:104].mean() > 0.95
    assert ssim_map(source, frame)[24:104, 24:104].mean() < 0.9


def test_a_chin_that_drops_is_an_opening_and_a_head_that_nods_is_none() -> None:
    source = texture(1)
    frames = [source]
    for drop in (2.0, 5.0, 0.0):
        lower = moved(source, 0, drop)
        ramp = np.clip((np.arange(SIDE) / SIDE - 0.64) / 0.06, 0, 1)[:, None, None]
        frames.append((ramp * lower + (1 - ramp) * source).astype(np.uint8))
    frames.append(moved(source, 0, 4.0))
    gaps = opening_by_flow(np.stack(frames))
    assert gaps[0] == pytest.approx(0, abs=0.1) and gaps[3] == pytest.approx(0, abs=0.3)
    assert gaps[1] == pytest.approx(2.0, abs=0.5) and gaps[2] == pytest.approx(5.0, abs=1.0)
    assert abs(gaps[4]) < 0.6


def test_a_box_is_given_in_shares_of_the_side() -> None:
    assert box_px((0.25, 0.5, 0.75, 1.0), 200) == (50, 100, 150, 200)


def test_photographs_are_faces_that_are_found(tmp_path: Path) -> None:
    face = draw_faces(300, 300, (150, 150, 80))
    cv2.imwrite(str(tmp_path / "face.png"), face[..., ::-1])
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((200, 200, 3), 90, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture", "utf-8")
    found = found_photographs(tmp_path, 64)
    assert "face" in found and "empty" not in found and "notes" not in found
    assert all(square.shape == (64, 64, 3) for square in found.values())


def test_photographs_are_cut_as_the_avatar_is_served(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), draw_faces(300, 300, (150, 150, 80))[..., ::-1])

    def read(square: np.ndarray) -> np.ndarray:
        return np.array([0, 0, 0.1], np.float32)  # in each of four looks

    rough, wider = found_photographs(tmp_path, 64)["face"], found_photographs(tmp_path, 64, read)["face"]
    skin = [(np.abs(square.astype(int) - (225, 180, 150)).max(-1) < 30).mean() for square in (rough, wider)]
    assert 0.35 < skin[1] / skin[0] < 0.5  # exp(-0.8) of it
