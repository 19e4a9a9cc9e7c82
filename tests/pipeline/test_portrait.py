"""A picture reaches the encoder cut, sized and in its range, and what is no picture is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from contract.errors import PortraitError
from engines.base import Array
from pipeline.face_detector import open_face_detector
from pipeline.portrait import Portrait, encode_portrait
from tests.fakes import TINY_SPEC, portrait_reader
from tests.pipeline.drawn_face import draw_faces


def test_the_encoder_sees_the_picture_in_its_range_and_once() -> None:
    engine = portrait_reader()
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[..., 0], picture[..., 2] = 255, 51
    portrait = encode_portrait(engine, TINY_SPEC, picture)
    (call,) = engine.calls
    assert call["image"].shape == (1, 3, 16, 16)
    np.testing.assert_allclose(call["image"][0, :, 0, 0].astype(float), (1, -1, -0.6), atol=1e-6)
    assert portrait.identity_latent.shape == (1, TINY_SPEC.latent_dim)
    assert portrait.reference_motion.shape == (1, TINY_SPEC.latent_dim)
    assert list(portrait.feature_pyramid) == ["feature_0", "feature_1"]
    assert portrait.feature_pyramid["feature_1"].shape == (1, 2, 16, 16)


def test_what_was_read_of_the_face_is_kept_where_the_decoder_asks_for_it() -> None:
    picture = np.full((64, 64, 3), 200, np.uint8)
    without = encode_portrait(portrait_reader(), TINY_SPEC, picture)
    assert without.face is None
    assert list(without.of_decoder) == ["identity_latent", "feature_0", "feature_1"]
    spec = replace(TINY_SPEC, num_face_values=7)
    portrait = encode_portrait(portrait_reader(spec), spec, picture)
    assert portrait.face is not None and portrait.face.dtype == np.float32
    np.testing.assert_allclose(portrait.face, np.linspace(0, 200 / 127.5 - 1, 7)[None], atol=1e-6)
    assert list(portrait.of_decoder) == ["identity_latent", "feature_0", "feature_1", "face"]
    assert portrait.of_decoder["face"] is portrait.face
    for name in ("feature_0", "feature_1"):
        assert portrait.of_decoder[name] is portrait.feature_pyramid[name]
    assert portrait.of_decoder["identity_latent"] is portrait.identity_latent


@pytest.mark.parametrize("num_face_values", [0, 7])
def test_of_a_portrait_the_decoder_is_told_all_but_the_motion(num_face_values: int) -> None:
    spec = replace(TINY_SPEC, num_face_values=num_face_values)
    portrait = encode_portrait(portrait_reader(spec), spec, np.full((64, 64, 3), 90, np.uint8))
    asked = {tensor.name for tensor in spec.signature("frame_decoder").inputs}
    assert portrait.of_decoder.keys() == asked - {"motion_latent"}


def test_a_portrait_without_a_face_has_none_and_no_warnings() -> None:
    nothing = np.zeros((1, 8), np.float32)
    portrait = Portrait(identity_latent=nothing, reference_motion=nothing, feature_pyramid={})
    assert portrait.face is None and portrait.warnings == ()
    assert list(portrait.of_decoder) == ["identity_latent"]


def test_a_picture_with_a_face_is_cut_before_it_is_encoded() -> None:
    engine = portrait_reader()
    portrait = encode_portrait(engine, TINY_SPEC, draw_faces(400, 800, (600, 200, 80)), open_face_detector())
    assert portrait.warnings == ()
    face = np.moveaxis(engine.calls[0]["image"][0], 0, -1).astype(float)
    # Skin in the middle, where the whole picture has its grey ground.
    assert np.abs(face[8, 8] - np.array((225, 180, 150)) / 127.5 + 1).max() < 0.3


def test_a_huge_picture_is_cut_as_a_small_one_is() -> None:
    engine, detector = portrait_reader(), open_face_detector()
    encode_portrait(engine, TINY_SPEC, draw_faces(6000, 6000, (3000, 3000, 1500)), detector)
    encode_portrait(engine, TINY_SPEC, draw_faces(600, 600, (300, 300, 150)), detector)
    large, small = (call["image"].astype(float) for call in engine.calls)
    assert np.abs(large - small).mean() < 0.1


def test_a_face_is_cut_to_the_square_that_the_encoder_reads() -> None:
    wider = [math.log(1.25)]

    def read(_: dict[str, Array]) -> dict[str, Array]:
        return {"framing": np.array([[0, 0, wider.pop() if wider else 0]], np.float32)}

    spec = replace(TINY_SPEC, reads_framing=True)
    rough, exact = portrait_reader(), portrait_reader(spec, read)
    picture, detector = draw_faces(400, 800, (600, 200, 80)), open_face_detector()
    encode_portrait(rough, TINY_SPEC, picture, detector)
    portrait = encode_portrait(exact, spec, picture, detector)
    # What the detector gave, the wider square where it stays, and that one to be kept.
    first, second, kept = (call["image"].astype(float) for call in exact.calls)
    np.testing.assert_array_equal(first, rough.calls[0]["image"])
    np.testing.assert_array_equal(second, kept)
    assert portrait.identity_latent[0, 0] == pytest.approx(float(kept.mean()), abs=1e-5)
    ground = np.array((120, 140, 150)) / 127.5 - 1
    assert is_ground(second[0], ground) > 1.2 * is_ground(first[0], ground)


def is_ground(image: np.ndarray, ground: np.ndarray) -> int:
    """How many pixels of an image [3, side, side] have the ground's colour."""
    return int((np.abs(image - ground[:, None, None]).max(0) < 0.1).sum())


def test_framing_is_read_only_of_faces_that_were_searched_for_and_where_the_encoder_gives_it() -> None:
    picture, detector = draw_faces(400, 800, (600, 200, 80)), open_face_detector()
    spec = replace(TINY_SPEC, reads_framing=True)
    as_it_is, as_float = portrait_reader(spec), portrait_reader()
    encode_portrait(as_it_is, spec, picture)
    encode_portrait(as_float, TINY_SPEC, picture, detector)
    assert len(as_it_is.calls) == len(as_float.calls) == 1


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((64, 64), np.uint8), r"uint8 \[64, 64\], expected uint8 \[height, width, 3\]"),
        (np.zeros((64, 64, 4), np.uint8), r"\[64, 64, 4\]"),
        (np.zeros((64, 64, 3), np.float32), "float32"),
        (np.zeros((20, 64, 3), np.uint8), "64 x 20 px, expected at least 32"),
    ],
)
def test_what_is_no_rgb_picture_is_refused(picture: np.ndarray, message: str) -> None:
    with pytest.raises(PortraitError, match=message):
        encode_portrait(portrait_reader(), TINY_SPEC, picture)
