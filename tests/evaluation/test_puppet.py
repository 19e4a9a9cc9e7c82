"""The avatar that is judged, on a tiny bundle: it speaks as it is served, and its motion can be told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.errors import BundleError
from contract.packets import SAMPLES_PER_FRAME
from evaluation.puppet import Puppet, chunks_of
from pipeline.avatar import StreamSettings
from tests.bundles.tiny_bundle import SPEC, write_tiny_bundle
from training.motion_names import MOTION_NAMES, SPREAD

NAMED = replace(SPEC, motion_names=("jaw", "no_such_motion", "yaw"))


@pytest.fixture(scope="module")
def puppet(tmp_path_factory: pytest.TempPathFactory) -> Puppet:
    return Puppet(write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny", NAMED))


def sound(num_frames: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal(num_frames * SAMPLES_PER_FRAME)).astype(np.float32)


def picture() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_sound_is_cut_and_its_end_filled_up() -> None:
    pcm = sound(3)[:-100]
    chunks = list(chunks_of(pcm))
    assert [chunk.index for chunk in chunks] == [0, 1, 2]
    whole = np.concatenate([chunk.pcm for chunk in chunks])
    assert np.array_equal(whole[: len(pcm)], pcm) and not whole[len(pcm) :].any()


def test_a_film_has_a_frame_for_each_of_its_sound_and_is_what_serving_draws(puppet: Puppet) -> None:
    portrait = puppet.portrait(picture())
    settings = StreamSettings(hop_frames=4, lookahead_frames=1, seed=2)
    frames = puppet.film(portrait, sound(11), settings)
    assert frames.shape == (11, 32, 32, 3) and frames.dtype == np.uint8
    stream = puppet.avatar.start(portrait, settings)
    served = [frame.image for chunk in chunks_of(sound(11)) for frame in stream.push(chunk)]
    served += [frame.image for frame in stream.flush()]
    assert np.array_equal(frames, np.stack(served))


def test_its_motion_without_pictures_is_that_of_the_film(puppet: Puppet) -> None:
    portrait = puppet.portrait(picture())
    settings = StreamSettings(hop_frames=4, lookahead_frames=1, seed=2)
    motion = puppet.drawn_motion(portrait, sound(9), settings)
    assert motion.shape == (9, SPEC.num_motion_directions)
    again = puppet.drawn_motion(portrait, sound(9), settings)
    assert np.array_equal(motion, again)
    assert not np.array_equal(motion, puppet.drawn_motion(portrait, sound(9), replace(settings, seed=3)))


def test_motion_is_told_by_name_and_unknown_names_are_left_at_rest(puppet: Puppet) -> None:
    motion = np.zeros((2, len(MOTION_NAMES)), np.float32)
    motion[1, MOTION_NAMES.index("jaw")] = 0.6
    motion[1, MOTION_NAMES.index("blink")] = 1.0
    coefficients = puppet.coefficients(motion)
    assert coefficients.shape == (2, SPEC.num_motion_directions)
    assert coefficients[1] == pytest.approx([0.6 / SPREAD[MOTION_NAMES.index("jaw")], 0, 0, 0])
    assert puppet.latents(motion).shape == (2, SPEC.latent_dim)
    poses = list(puppet.pose(puppet.portrait(picture()), puppet.latents(motion)))
    assert len(poses) == 2 and poses[0].shape == (32, 32, 3)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is no bundle"):
        Puppet(tmp_path)
