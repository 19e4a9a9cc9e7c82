"""What a cut costs, of networks whose reach is known: two tokens an evaluation, three evaluations in all."""

from itertools import pairwise

import numpy as np
import pytest

from bench.window_influence import (
    FACE_BOX,
    FacePainter,
    Speaker,
    cut_windows,
    drawn_stream,
    measure_hop,
    motion_error,
)
from pipeline.conditions import Conditions
from pipeline.frame_renderer import FrameRenderer
from pipeline.motion_sampler import MotionSampler
from pipeline.predicted_emotion import emotion_vector
from pipeline.stream_settings import StreamSettings
from tests.fakes import TINY_SPEC, conditioned_field, fake_engines, linear_field, motion_painter, noise_chunks

NUM_FRAMES = 60
REACH_FRAMES = 2 * (TINY_SPEC.euler_points - 1)


def speaker(flow=None, renderer: bool = False) -> Speaker:
    spec = TINY_SPEC
    reference = np.full((1, spec.latent_dim), 0.1, np.float32)
    painter = motion_painter().bind(
        identity_latent=np.zeros((1, spec.latent_dim), np.float32),
        **{f"feature_{i}": np.zeros((1, *shape), np.float32) for i, shape in enumerate(spec.pyramid_shapes())},
    )
    return Speaker(
        spec=spec,
        flow=(flow or conditioned_field()).bind(reference_motion=reference),
        renderer=FrameRenderer(painter) if renderer else None,
        audio_features=np.random.default_rng(1).standard_normal((NUM_FRAMES, 6)).astype(np.float32),
        emotion=emotion_vector("neutral"),
        window=StreamSettings(1, 0).window(spec),
    )


def test_the_influence_ends_where_the_networks_reach_does() -> None:
    whole, cuts = cut_windows(speaker(), 5, range(11))
    errors = [motion_error(cut, whole) for cut in cuts.values()]
    assert errors[0] > 0.01
    # The reach is that of the last frame kept; from there on nothing is missing.
    assert errors[REACH_FRAMES - 1] > 1e-5
    assert max(errors[REACH_FRAMES:]) < 1e-6
    assert all(later <= earlier for earlier, later in pairwise(errors))


def test_whole_windows_are_those_of_a_stream() -> None:
    who = speaker()
    window = who.cut(15, 5)
    whole, _ = cut_windows(who, 15, ())
    assert np.array_equal(whole, drawn_stream(who, window, lambda start: start)[: len(whole)])


def test_what_is_drawn_here_is_what_a_stream_draws() -> None:
    engines = fake_engines()
    chunks = list(noise_chunks(NUM_FRAMES))
    conditions = Conditions(engines.audio_encoder, TINY_SPEC)
    heard = [frame for chunk in chunks for frame in conditions.push(chunk)] + conditions.flush()
    who = speaker()
    who = Speaker(
        TINY_SPEC, who.flow, None, np.stack([frame.audio_features for frame in heard]), who.emotion, who.window
    )
    window = who.cut(5, 2)
    sampler = MotionSampler(who.flow, TINY_SPEC, window)
    streamed = [frame for each in heard for frame in sampler.push(each)] + sampler.flush()
    drawn = drawn_stream(who, window, lambda start: start)
    assert np.array_equal(drawn, np.stack([frame.motion_latent for frame in streamed]))


def test_an_error_is_a_share_of_the_spread() -> None:
    whole = np.array([[0.0, 4.0], [2.0, 2.0], [4.0, 0.0]], np.float32)
    assert motion_error(whole, whole) == 0
    assert motion_error(whole + 1, whole) == pytest.approx(1 / np.sqrt(8 / 3))


def test_faces_are_compared_inside_the_face_alone() -> None:
    who = speaker(renderer=True)
    assert who.renderer is not None
    motion = np.random.default_rng(2).standard_normal((30, TINY_SPEC.latent_dim)).astype(np.float32)
    painter = FacePainter(who.renderer, motion)
    assert painter.difference(motion) == (0.0, 0.0)
    # The painter's columns repeat the eight values: beyond the box only the first and the last few columns lie.
    mean, p95 = painter.difference(motion + 1)
    assert 0 < mean < p95 < 255
    assert painter.from_frame_to_frame(motion)[0] > 0
    side = TINY_SPEC.image_size_px
    outside = [i for i in range(TINY_SPEC.latent_dim) if all(not _is_inside(c, side) for c in (i, i + 8))]
    if outside:
        moved = motion.copy()
        moved[:, outside] += 1
        assert painter.difference(moved) == (0.0, 0.0)


def _is_inside(column: int, side: int) -> bool:
    return round(FACE_BOX[0] * side) <= column < round(FACE_BOX[2] * side)


def test_noise_that_stays_with_its_frame_closes_the_seams_that_fresh_noise_opens() -> None:
    """Motion that is its noise: with the frame's own it goes on as it was drawn, whatever the windows."""
    who = speaker(linear_field(-0.5))
    (figures,) = measure_hop(who, 5, (2,))
    assert figures.num_seams == NUM_FRAMES // 5 - 1
    own = drawn_stream(who, who.cut(5, 2), lambda start: start)
    assert np.allclose(own, drawn_stream(who, who.cut(4, 1), lambda start: start))
    assert not np.allclose(own, drawn_stream(who, who.cut(5, 2), lambda start: 1000 + 7 * start))
    assert figures.motion_error == 0.0 and figures.pixel_mean is None


def test_only_what_fits_the_window_is_measured() -> None:
    figures = measure_hop(speaker(renderer=True), 16, (0, 2, 4, 8))
    assert [each.lookahead_frames for each in figures] == [0, 2, 4]
    # Hop and look-ahead together are the whole window: nothing is cut.
    assert figures[-1].motion_error == 0.0 and figures[-1].pixel_mean == 0.0
    assert figures[0].motion_error > 0 and figures[0].pixel_p95 is not None
