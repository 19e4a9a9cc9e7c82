"""Who and what avatars are judged on: always the same, never what training meets."""

import numpy as np
import pytest

from contract.spec import EMOTIONS
from evaluation.held_out import babble, noise, person, spoken_clips, wide_motion
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painter import CAST
from training.speech_voices import ESPEAK_SPEAKERS, FESTIVAL_VOICES, FLITE_VOICES

pytestmark = pytest.mark.system("skia")


def test_a_number_is_always_the_same_person_and_nobody_of_the_cast() -> None:
    people = [person(number) for number in range(20)]
    assert people == [person(number) for number in range(20)]
    assert len({repr(each) for each in people} | {repr(each) for each in CAST.values()}) == 20 + len(CAST)


@pytest.mark.system("espeak-ng", "flite")
def test_clips_are_of_voices_that_training_never_hears() -> None:
    clips = spoken_clips(4)
    assert len({clip.voice for clip in clips}) > 1
    for clip in clips:
        program, _, voice = clip.voice.partition("/")
        assert voice.partition("+")[2] not in ESPEAK_SPEAKERS if program == "espeak-ng" else voice not in FLITE_VOICES
        assert voice not in FESTIVAL_VOICES
        assert len(clip.phones) >= 20 and clip.speech_mask.any()


def test_motions_are_within_the_painter_s_range_and_differ() -> None:
    motions = np.stack([wide_motion(number) for number in range(30)])
    assert (motions >= LOWEST - 1e-6).all() and (motions <= HIGHEST + 1e-6).all()
    assert np.array_equal(motions[3], wide_motion(3))
    assert motions.std(0).min() > 0.02


def test_noise_is_as_loud_as_asked() -> None:
    sound = noise(2.0, 0.02)
    assert sound.shape == (32_000,) and sound.dtype == np.float32
    assert float(np.sqrt((sound**2).mean())) == pytest.approx(0.02, rel=0.02)


def test_nonsense_opens_and_closes_the_mouth_in_every_mood() -> None:
    for mood in range(len(EMOTIONS)):
        clip = babble(200, mood, np.random.default_rng(mood))
        assert clip.motion.shape == (200, len(MOTION_NAMES)) and clip.emotion == mood
        assert clip.motion[:, MOTION_NAMES.index("jaw")].max() > 0.3
        assert clip.motion[:, MOTION_NAMES.index("lip_closing")].max() > 0.9
