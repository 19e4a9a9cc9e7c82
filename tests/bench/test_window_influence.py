"""What a cut costs, of networks whose reach is known: two tokens an evaluation, three evaluations in all."""

from itertools import pairwise

import numpy as np
import pytest

from bench.window_influence import (
    FacePainter,
    Speaker,
    _face,
    draw_windows,
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
    drawn = draw_windows(speaker(), range(5, 16))
    errors = [motion_error(drawn.kept(5, lookahead), drawn.whole[:, :5]) for lookahead in range(11)]
    assert errors[0] > 0.01
    # The reach is that of the last frame kept; from there on nothing is missing.
    assert errors[REACH_FRAMES - 1] > 1e-5
    assert max(errors[REACH_FRAMES:]) < 1e-6
    assert all(later <= earlier for earlier, later in pairwise(errors[: REACH_FRAMES + 1]))


def test_windows_start_all_over_the_clip_and_go_on_from_what_was_drawn_before() -> None:
    """One that starts where a stream's second window does is that window."""
    who = speaker()
    spec = who.spec
    drawn = draw_windows(who, [spec.window_frames], num_starts=NUM_FRAMES - spec.window_frames - 9)
    streamed = drawn_stream(who, who.cut(spec.window_frames, 0), lambda start: start)
    second = drawn.whole[spec.window_frames - spec.carried_frames]
    np.testing.assert_array_equal(second, streamed[spec.window_frames : 2 * spec.window_frames])


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
    motion = np.random.default_rng(2).standard_normal((10, 3, TINY_SPEC.latent_dim)).astype(np.float32)
    painter = FacePainter(who.renderer, motion)
    assert painter.difference(motion) == (0.0, 0.0)
    mean, p95 = painter.difference(motion + 1)
    assert 0 < mean < p95 < 255
    # The fake painter shows value i in column i: 4 to 11 of the 16 are the face, which has them all.
    rows, columns = _face(who.renderer.paint(motion[0, 0])).shape[:2]
    assert (rows, columns) == (10, 8)


def test_every_place_in_the_hop_is_painted() -> None:
    who = speaker(renderer=True)
    assert who.renderer is not None
    motion = np.zeros((6, 3, TINY_SPEC.latent_dim), np.float32)
    painter = FacePainter(who.renderer, motion)
    for place in range(3):
        moved = motion.copy()
        moved[:, place] = 1
        assert painter.difference(moved)[0] > 0


def test_noise_that_stays_with_its_frame_closes_the_seams_that_fresh_noise_opens() -> None:
    """Motion that is its noise: with the frame's own it goes on as it was drawn, whatever the windows."""
    who = speaker(linear_field(-0.5))
    (figures,) = measure_hop(who, draw_windows(who, [7]), 5, (2,))
    assert figures.num_seams == NUM_FRAMES // 5 - 1
    own = drawn_stream(who, who.cut(5, 2), lambda start: start)
    assert np.allclose(own, drawn_stream(who, who.cut(4, 1), lambda start: start))
    assert not np.allclose(own, drawn_stream(who, who.cut(5, 2), lambda start: 1000 + 7 * start))
    assert figures.motion_error < 1e-6 and figures.pixel_mean is None


def test_a_window_that_is_whole_loses_nothing() -> None:
    who = speaker(renderer=True)
    cut, whole = measure_hop(who, draw_windows(who, [16, 20]), 16, (0, 4))
    assert (whole.lookahead_frames, whole.motion_error, whole.pixel_mean) == (4, 0.0, 0.0)
    assert cut.motion_error > 0 and cut.pixel_mean is not None and cut.pixel_mean > 0
