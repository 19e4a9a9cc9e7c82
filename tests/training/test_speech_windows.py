"""Windows as training sees them: chance on its frames, strayed streams on their way back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from contract.packets import SAMPLES_PER_FRAME
from contract.spec import EMOTIONS
from training.behaviour import CHANCE_COLUMNS
from training.motion_names import MOTION_NAMES, SPREAD
from training.speech_clips import Clip, assemble
from training.speech_validation import with_chance
from training.speech_windows import WindowSampler, WindowShape

SHAPE = WindowShape(num_windows=12, carried_frames=10, longest_frames=50, context_frames=8, lookahead_frames=2)
NUM_DIRECTIONS = 17


def silent_clip(emotion: str = "happy") -> Clip:
    pcm = np.zeros(200 * SAMPLES_PER_FRAME, np.float32)
    return assemble(pcm, (), EMOTIONS.index(emotion), np.random.default_rng(3))


def test_chance_lies_on_the_frames_it_drew():
    clip = silent_clip()
    windows = WindowSampler([clip], SHAPE, NUM_DIRECTIONS).draw(np.random.default_rng(0), clean=True)
    assert clip.chance is not None
    for motion, chance in zip(windows.motion.numpy(), windows.chance.numpy(), strict=True):
        named = motion[10:, : len(MOTION_NAMES)] * SPREAD
        starts = range(clip.num_frames - len(named) + 1)
        first = next(i for i in starts if np.allclose(clip.motion[i : i + len(named)], named, atol=1e-5))
        assert np.array_equal(chance[:, CHANCE_COLUMNS], clip.chance[first : first + len(named)])
        others = [i for i in range(NUM_DIRECTIONS) if i not in CHANCE_COLUMNS]
        assert np.isnan(chance[:, others]).all()


def test_nothing_strays_in_clean_windows_or_where_a_stream_begins():
    sampler = WindowSampler([silent_clip()], SHAPE, NUM_DIRECTIONS)
    assert not sampler.draw(np.random.default_rng(0), clean=True).stray.any()
    num_strayed = num_all = 0
    for seed in range(8):
        windows = sampler.draw(np.random.default_rng(seed))
        strayed = windows.stray.abs().amax((1, 2)) > 0
        assert not strayed[windows.num_missing > 0].any()
        num_strayed, num_all = num_strayed + int(strayed.sum()), num_all + len(strayed)
    assert 0.3 < num_strayed / num_all < 0.6


def test_of_short_windows_more_are_drawn():
    sampler = WindowSampler([silent_clip()], SHAPE, NUM_DIRECTIONS)
    batches = [sampler.draw(np.random.default_rng(seed), clean=True).motion.shape for seed in range(60)]
    lengths = np.array([frames - 10 for _, frames, _ in batches])
    assert lengths.min() >= 4 and lengths.max() == 50
    assert 0.25 < np.mean(lengths == 50) < 0.65 and 0.15 < np.mean(lengths <= 12) < 0.55
    for num_windows, frames, _ in batches:
        assert num_windows * (frames + 10) == pytest.approx(12 * 70, rel=0.05)


def test_what_strayed_comes_back():
    sampler = WindowSampler([silent_clip()], replace(SHAPE, num_windows=60), NUM_DIRECTIONS)
    batches = [sampler.draw(np.random.default_rng(seed)) for seed in range(6)]
    whole = max(batches, key=lambda windows: windows.stray.shape[1])
    stray = whole.stray[whole.stray.abs().amax((1, 2)) > 0].numpy()
    assert stray.shape[1] == 60
    size = np.abs(stray[:, :, : len(MOTION_NAMES)]).mean(0)
    smile, jaw = MOTION_NAMES.index("smile"), MOTION_NAMES.index("jaw")
    assert size[9, smile] > 0.15 and size[9, jaw] > 0.03
    assert size[13, jaw] < 0.2 * size[9, jaw]
    assert (size[59, MOTION_NAMES.index("lip_width") :] < 0.02).all()
    assert not stray[:, :, len(MOTION_NAMES) :].any()


def test_a_strayed_stream_may_show_the_mood_before():
    sampler = WindowSampler([silent_clip("sad")], replace(SHAPE, num_windows=200), NUM_DIRECTIONS)
    windows = sampler.draw(np.random.default_rng(1))
    smile = (windows.motion + windows.stray)[:, 9, MOTION_NAMES.index("smile")].numpy() * 0.4
    assert smile.max() > 0.5 and np.median(smile) < -0.45


def test_noise_takes_the_chance_along_its_directions_only():
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(32, 5, generator=generator)).Q
    noise, chance = torch.randn(2, 7, 32, generator=generator), torch.randn(2, 7, 5, generator=generator)
    chance[:, :, 3] = torch.nan
    mixed = with_chance(noise, chance, basis)
    known = [0, 1, 2, 4]
    assert torch.allclose((mixed @ basis)[..., known], chance[..., known], atol=1e-5)
    assert torch.allclose((mixed @ basis)[..., 3], (noise @ basis)[..., 3], atol=1e-5)
    aside = torch.eye(32) - basis @ basis.T
    assert torch.allclose(mixed @ aside, noise @ aside, atol=1e-5)
