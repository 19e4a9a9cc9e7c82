"""Pictures are painted where motion leaves what pictures at hand show, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from contract.packets import AvatarFrame, MotionFrame
from pipeline.frame_renderer import FrameRenderer
from pipeline.motion_distance import PX_PER_UNIT, MotionDistance, motion_distance
from pipeline.motion_editor import MotionEdit, MotionEditor
from pipeline.still_frames import LINE_PX, SPAN_FRAMES, SPAN_PX, STILL_PX, StillFrames, mixed
from tests.fakes import TINY_SPEC, FakeEngine, motion_painter, silent_chunk

SPEC = replace(TINY_SPEC, motion_names=("yaw", "pitch", "jaw", "smile"))
BASIS = np.linalg.qr(np.random.default_rng(4).standard_normal((8, 4)))[0].astype(np.float32)


DISTANCE = motion_distance(SPEC, BASIS)


def open_stills(distance: MotionDistance | None = DISTANCE) -> tuple[StillFrames, FakeEngine]:
    engine = motion_painter(SPEC)
    portrait = {
        tensor.name: np.zeros([size or 1 for size in tensor.shape], np.float32)
        for tensor in SPEC.signature("frame_decoder").inputs
        if tensor.name != "motion_latent"
    }
    return StillFrames(FrameRenderer(engine.bind(**portrait)), distance), engine


def at(yaw_px: float, smile_px: float = 0.0) -> np.ndarray:
    """Motion so many pixels from rest: [latent_dim] float32."""
    yaw, smile = BASIS[:, 0] * yaw_px / PX_PER_UNIT["yaw"], BASIS[:, 3] * smile_px / PX_PER_UNIT["smile"]
    return (yaw + smile).astype(np.float32)


def show(stills: StillFrames, motion: list[np.ndarray], quiet: bool = True, first_index: int = 0) -> list[AvatarFrame]:
    """The frames of a motion that is known ahead where it is quiet."""
    rows = np.stack(motion)
    return [
        stills.push(MotionFrame(silent_chunk(first_index + i), row, rows[i + 1 :] if quiet else None))
        for i, row in enumerate(rows)
    ]


def painted(engine: FakeEngine) -> np.ndarray:
    """Where the head was in all frames painted, in pixels."""
    latents = np.concatenate([np.asarray(call["motion_latent"], np.float32) for call in engine.calls])
    return latents @ BASIS[:, 0] * PX_PER_UNIT["yaw"]


@pytest.mark.parametrize("quiet", [True, False])
def test_below_the_threshold_the_last_picture_comes_again_with_its_own_sound(quiet: bool) -> None:
    stills, engine = open_stills()
    frames = show(stills, [at(0.9 * STILL_PX * (i % 2)) for i in range(30)], quiet)
    assert len(engine.calls) == 1
    assert all(frame.image is frames[0].image for frame in frames)
    assert [frame.index for frame in frames] == list(range(30))


def test_slow_drift_adds_up_until_it_is_painted() -> None:
    stills, engine = open_stills()
    step_px = 0.03
    shown = show(stills, [at(step_px * i) for i in range(100)], quiet=False)
    assert np.diff(painted(engine)).max() <= STILL_PX + step_px + 1e-4
    assert painted(engine)[-1] == pytest.approx(99 * step_px, abs=STILL_PX + 1e-4)
    assert 20 <= len(engine.calls) <= 30 and len({id(frame.image) for frame in shown}) == len(engine.calls)


def test_where_the_motion_to_come_is_unknown_every_larger_step_is_painted() -> None:
    stills, engine = open_stills()
    show(stills, [at(0.2 * i) for i in range(20)], quiet=False)
    assert len(engine.calls) == 20


def test_a_straight_way_is_painted_at_its_ends_and_mixed_between() -> None:
    stills, engine = open_stills()
    step_px = 0.15
    frames = show(stills, [at(step_px * i) for i in range(1 + 2 * SPAN_FRAMES)])
    np.testing.assert_allclose(painted(engine), [0, step_px * SPAN_FRAMES, 2 * step_px * SPAN_FRAMES], atol=1e-4)
    exact, _ = open_stills(None)
    every = show(exact, [at(step_px * i) for i in range(1 + 2 * SPAN_FRAMES)])
    for frame, expected in zip(frames, every, strict=True):
        assert np.abs(frame.image.astype(int) - expected.image).max() <= 1
    assert len({frame.image.tobytes() for frame in frames}) > SPAN_FRAMES / 2, "it moves all the way"


@pytest.mark.parametrize("seed", range(5))
def test_no_frame_lies_further_from_what_is_shown_than_stated(seed: int) -> None:
    stills, engine = open_stills()
    rng = np.random.default_rng(seed)
    head = np.cumsum(np.convolve(rng.normal(0, 0.3, 260), np.ones(10) / 10, "same"))
    motion = [at(float(place), float(rng.normal(0, 0.05))) for place in head]
    frames = show(stills, motion)
    assert len(engine.calls) < 0.6 * len(motion)
    ends: list[int] = []
    assert DISTANCE is not None
    latents = [np.asarray(call["motion_latent"], np.float32)[0] for call in engine.calls]
    for latent in latents:
        ends.append(next(i for i, row in enumerate(motion) if np.array_equal(row, latent) and i not in ends))
    assert ends == sorted(ends), "each was painted once, in order"
    for first, last in zip(ends, [*ends[1:], len(motion)], strict=True):
        if last < len(motion):
            assert DISTANCE.px(motion[first], motion[last]) <= SPAN_PX or last - first == 1
        for i in range(first + 1, last):
            is_held = frames[i].image is frames[first].image
            held = DISTANCE.px(motion[i], motion[first])
            assert held <= STILL_PX + 1e-4 if is_held else held <= SPAN_PX + LINE_PX


def test_a_bend_is_painted() -> None:
    stills, engine = open_stills()
    show(stills, [at(0.3 * i) for i in range(6)] + [at(1.5 - 0.3 * i) for i in range(1, 7)])
    assert painted(engine).max() == pytest.approx(1.5, abs=LINE_PX)
    assert 3 <= len(engine.calls) < 12


def test_what_comes_otherwise_than_promised_is_painted_as_it_is() -> None:
    stills, engine = open_stills()
    promised = np.stack([at(0.15 * i) for i in range(20)])
    frames = [stills.push(MotionFrame(silent_chunk(i), promised[i], promised[i + 1 :])) for i in range(4)]
    num_painted = len(engine.calls)
    assert num_painted == 2
    # So near to the first picture that it would be held, had the face not moved since.
    frames += show(stills, [at(0.05), at(4.0)], quiet=False, first_index=4)
    np.testing.assert_allclose(painted(engine)[num_painted:], [0.05, 4.0], atol=1e-4)
    assert frames[4].image is not frames[0].image


def test_what_is_too_far_apart_is_never_mixed() -> None:
    stills, engine = open_stills()
    show(stills, [at((SPAN_PX + 0.1) * i) for i in range(10)])
    assert len(engine.calls) == 10


def test_started_anew_the_next_frame_is_painted() -> None:
    stills, engine = open_stills()
    show(stills, [at(0)] * 3)
    stills.reset()
    show(stills, [at(0)] * 3)
    assert len(engine.calls) == 2


def test_a_bundle_that_does_not_name_its_directions_is_painted_frame_by_frame() -> None:
    assert motion_distance(TINY_SPEC, BASIS) is None
    assert motion_distance(SPEC, None) is None
    assert motion_distance(replace(SPEC, motion_names=("yaw", "wiggle", "jaw", "smile")), BASIS) is None
    stills, engine = open_stills(None)
    show(stills, [at(0)] * 5)
    assert len(engine.calls) == 5


def test_edits_move_what_follows_as_well() -> None:
    rows = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    editor = MotionEditor(BASIS, SPEC, [MotionEdit("yaw", 0.5), MotionEdit("smile", 0.2, is_held=True)])
    frame = editor.push(MotionFrame(silent_chunk(0), rows[0], rows[1:]))
    assert frame.following is not None
    for i, row in enumerate(rows[1:]):
        expected = editor.push(MotionFrame(silent_chunk(i + 1), row)).motion_latent
        np.testing.assert_allclose(frame.following[i], expected, atol=1e-5)


def test_two_pictures_are_mixed_by_share_and_rounded() -> None:
    dark, light = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert (mixed(dark, light, 0) == 0).all() and (mixed(dark, light, 1) == 255).all()
    assert (mixed(dark, light, 0.5) == 128).all() and (mixed(light, dark, 0.25) == 191).all()
    assert mixed(light, light, 0.3).dtype == np.uint8 and (mixed(light, light, 0.3) == 255).all()
