"""The mouth: lips that must meet do meet, vowels open, silence rests, and nothing needs much sound ahead."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S, SAMPLES_PER_FRAME
from training.speech_utterance import Phone
from training.viseme_table import visemes_of
from training.visemes import MOUTH_NAMES, articulation, frame_loudness, speech_frames

JAW, WIDTH, ROUNDING, CLOSING, TUCK = range(5)


def spoken(*labels: str, each_s: float = 0.12, start_s: float = 1.0) -> tuple[Phone, ...]:
    return tuple((label, start_s + i * each_s, start_s + (i + 1) * each_s) for i, label in enumerate(labels))


def mouth_of(*labels: str, each_s: float = 0.12) -> NDArray[np.float32]:
    return articulation(spoken(*labels, each_s=each_s), 100)


def test_silence_is_exactly_at_rest():
    assert not articulation((), 50).any()
    assert not articulation((("_", 0.0, 2.0),), 50).any()


def test_rest_is_left_shortly_before_speech_and_reached_shortly_after():
    mouth = mouth_of("p", "ɑː", "s", "uː")  # from 1.0 s to 1.48 s
    moves_s = (np.flatnonzero(np.abs(mouth).max(1) > 0) + 0.5) / FRAMES_PER_S
    assert 0.85 <= moves_s[0] < 1.0
    assert 1.48 < moves_s[-1] <= 1.65


@pytest.mark.parametrize("label", ["p", "b", "m"])
@pytest.mark.parametrize("each_s", [0.02, 0.035, 0.08, 0.15])
@pytest.mark.parametrize("start_s", [1.0, 1.013, 1.029])
def test_lips_meet_for_every_bilabial_however_short(label: str, each_s: float, start_s: float):
    mouth = articulation(spoken("ɑː", label, "ɑː", each_s=each_s, start_s=start_s), 100)
    shut = (mouth[:, CLOSING] == 1.0) & (mouth[:, JAW] < 0.2)
    middle_s = start_s + 1.5 * each_s
    assert shut.any()
    assert np.abs((np.flatnonzero(shut) + 0.5) / FRAMES_PER_S - middle_s).min() <= 0.5 / FRAMES_PER_S + 1e-6


@pytest.mark.parametrize("label", ["f", "v"])
def test_lower_lip_goes_under_the_teeth(label: str):
    mouth = mouth_of("ɑː", label, "ɑː")
    assert mouth[:, TUCK].max() == 1.0
    assert not mouth[:, CLOSING].any()


@pytest.mark.parametrize("label", ["ɑː", "æ", "aa", "ae", "a"])
def test_open_vowels_open_wide(label: str):
    assert mouth_of("h", label, "h", each_s=0.16)[:, JAW].max() > 0.8


@pytest.mark.parametrize("label", ["t", "s", "ʃ", "z", "d"])
def test_consonants_between_vowels_nearly_close_the_jaw(label: str):
    jaw = mouth_of("ɑː", label, "ɑː")[:, JAW]
    first, last = np.flatnonzero(jaw > 0.8)[[0, -1]]
    assert jaw[first:last].min() < 0.3


def test_rounded_and_spread_vowels_differ():
    rounded, spread = mouth_of("uː", each_s=0.2), mouth_of("iː", each_s=0.2)
    assert rounded[:, ROUNDING].max() > 0.85 and rounded[:, WIDTH].min() < -0.5
    assert spread[:, ROUNDING].max() == 0.0 and spread[:, WIDTH].max() > 0.7


def test_a_consonant_takes_the_lips_of_its_vowel():
    rounded, spread = mouth_of("k", "uː"), mouth_of("k", "iː")
    during_k = slice(int(1.04 * FRAMES_PER_S), int(1.12 * FRAMES_PER_S) + 1)
    assert rounded[during_k, ROUNDING].max() > 0.5
    assert spread[during_k, ROUNDING].max() == 0.0


def test_a_diphthong_moves_from_one_vowel_to_the_other():
    mouth = mouth_of("aʊ", each_s=0.3)
    assert np.argmax(mouth[:, JAW]) < np.argmax(mouth[:, ROUNDING])


def test_a_label_means_the_same_in_both_alphabets():
    for ipa, cmu in (("aɪ", "ay"), ("tʃ", "ch"), ("ʃ", "sh"), ("ŋ", "ng"), ("uː", "uw"), ("oʊ", "ow"), ("ð", "dh")):
        assert visemes_of(ipa) == visemes_of(cmu)


def test_an_unknown_label_is_a_consonant_that_stays_within_range():
    mouth = mouth_of("ɑː", "?!", "ɑː")
    assert np.isfinite(mouth).all()
    assert mouth[:, CLOSING].max() == 0.0


def test_louder_opens_wider():
    phones = spoken("h", "ɑː", each_s=0.2)
    quiet, loud = (articulation(phones, 100, np.full(100, level, np.float32)) for level in (0.2, 1.0))
    assert loud[:, JAW].max() > quiet[:, JAW].max() + 0.3
    assert np.array_equal(loud[:, 1:], quiet[:, 1:])


def test_times_beyond_the_clip_are_cut():
    mouth = articulation((("p", -0.2, 0.1), ("ɑː", 0.1, 9.0)), 10)
    assert mouth.shape == (10, len(MOUTH_NAMES)) and mouth.dtype == np.float32
    assert mouth[-1, JAW] > 0.5


def test_loudness_is_relative_to_the_loud_parts():
    pcm = np.zeros(40 * SAMPLES_PER_FRAME, np.float32)
    pcm[10 * SAMPLES_PER_FRAME : 20 * SAMPLES_PER_FRAME] = 0.05
    loudness = frame_loudness(pcm)
    assert np.allclose(loudness[10:20], 1.0) and not loudness[20:].any()
    assert np.allclose(frame_loudness(pcm * 0.2), loudness)


def test_speech_frames_are_those_whose_middle_sounds():
    mask = speech_frames((("ɑ", 0.03, 0.13), ("_", 0.13, 0.3)), 8)
    assert mask.tolist() == [False, True, True, False, False, False, False, False]
