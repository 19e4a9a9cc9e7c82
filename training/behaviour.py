"""What a face does beside speaking: head, lids, gaze, brows and smile, from how loud it speaks, its mood and chance.

In: loudness of each frame, emotion.  Out: motion with the mouth's five columns left at 0, and the chance behind it.

Everything here is causal, and whatever is not decided by the voice is decided by `chance`: one normal number a frame
and column. Training takes the same numbers as the noise its flow starts from. So which noise becomes a blink is the
same for every window that holds it, and the flow learns a rule instead of an average: with noise drawn apart from the
truth it drew no blink at all. In silence the head almost rests.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from contract.packets import FRAMES_PER_S, Float32Array
from contract.spec import EMOTIONS
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES

FloatArray = NDArray[np.float64]
_COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}
CHANCE_NAMES = ("yaw", "pitch", "roll", "blink", "gaze_x", "gaze_y", "brow_raise")
CHANCE_COLUMNS = tuple(_COLUMN[name] for name in CHANCE_NAMES)


@dataclass(frozen=True, slots=True)
class Mood:
    """What an emotion does to a face.

    smile, brow_raise, brow_furrow, lids, sneer, pitch: held offsets in the units of motion_names
    liveliness: scales head movement in speech
    nods: share of syllable onsets that get a nod or a raised brow, against neutral
    blinks_per_minute: in silence; phrase ends bring more
    jaw: scales the opening of the mouth
    """

    smile: float = 0.0
    brow_raise: float = 0.0
    brow_furrow: float = 0.0
    lids: float = 0.0
    sneer: float = 0.0
    pitch: float = 0.0
    liveliness: float = 1.0
    nods: float = 1.0
    blinks_per_minute: float = 21.0
    jaw: float = 1.0


MOODS = {
    "angry": Mood(-0.30, -0.50, 0.90, -0.05, 0.25, -0.05, liveliness=1.3, nods=1.4, blinks_per_minute=18.0, jaw=1.08),
    "disgust": Mood(-0.45, -0.25, 0.40, 0.22, 0.66, 0.05, liveliness=0.8, nods=0.6, jaw=0.92),
    "fear": Mood(-0.45, 0.45, -0.90, -0.26, 0.0, 0.04, liveliness=0.9, nods=0.7, blinks_per_minute=23.0, jaw=0.95),
    "happy": Mood(0.78, 0.20, 0.0, 0.10, 0.0, 0.02, liveliness=1.2, nods=1.3, jaw=1.05),
    "neutral": Mood(),
    "sad": Mood(-0.60, 0.0, -0.70, 0.26, 0.0, -0.09, liveliness=0.55, nods=0.4, blinks_per_minute=19.0, jaw=0.85),
    "surprise": Mood(0.12, 1.0, 0.0, -0.38, 0.0, 0.03, liveliness=1.1, blinks_per_minute=18.0, jaw=1.10),
}
STRENGTH_SPAN, LIVELINESS_SPAN = (0.85, 1.15), (0.85, 1.2)

# A frame's chance pushes the head when it lies beyond PUSH_BEYOND; the push is felt over some frames and eases off.
PUSH_BEYOND = 1.3
PUSH_ONSET_FRAMES, PUSH_EASE_FRAMES = 2.2, 22.0
# Radians per unit of chance, for yaw, pitch and roll: in silence it must not show in the mouth's place.
IDLE_PUSH = np.array([0.010, 0.007, 0.006])
SPEAKING_PUSH = np.array([0.088, 0.038, 0.042])
NOD, NOD_FRAMES = 0.055, 4.0
BROW_BEAT, BROW_FRAMES = 0.38, 5.0
BEAT_REST_FRAMES = 8
# Lids of one blink, frame by frame: shut for two.
BLINK_SHAPE = (0.45, 1.0, 1.0, 0.72, 0.30, 0.08)
BLINK_REST_FRAMES = 8
PHRASE_END_FRAMES = 4
# Shares of phrase ends, and of first words after a long pause, that bring a blink.
PHRASE_END_BLINKS, FIRST_WORD_BLINKS = 0.40, 0.20
LONG_PAUSE_FRAMES = 15
# Beyond these a frame's chance moves the eyes: to a place near the viewer, aside, and back again.
LOOK_BEYOND, ASIDE_BEYOND, BACK_BEYOND = 1.9, 2.65, 1.5
LOOK_REST_FRAMES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """motion: [num_frames, M] float32 in the units of motion_names; chance: [num_frames, 7] float32, CHANCE_NAMES."""

    motion: Float32Array
    chance: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class VoiceEvents:
    """What of a voice moves more than the mouth; each array [num_frames].

    activity: 0 in silence to 1 in speech, rising in some 3 frames and falling in some 10
    onsets, phrase_ends, first_words: bool, the frame at which a loud syllable begins, a pause has lasted a while,
        and speech begins again after a long pause
    """

    activity: FloatArray
    onsets: NDArray[np.bool_]
    phrase_ends: NDArray[np.bool_]
    first_words: NDArray[np.bool_]


def behaviour(loudness: Float32Array, emotion: int, generator: np.random.Generator) -> Behaviour:
    """Draw everything but the mouth.

    loudness: [num_frames] float32, 0 in silence, about 1 on a loud vowel
    emotion: index into EMOTIONS
    returns motion within the ranges of motion_names, whose columns of the mouth are 0, and the chance that drew it
    """
    num_frames = len(loudness)
    mood = MOODS[EMOTIONS[emotion]]
    strength = generator.uniform(*STRENGTH_SPAN)
    lively = mood.liveliness * generator.uniform(*LIVELINESS_SPAN)
    # What is kept of the chance is float16, and must mean the same there.
    chance = generator.standard_normal((num_frames, len(CHANCE_NAMES))).astype(np.float16).astype(np.float64)
    by_name = dict(zip(CHANCE_NAMES, chance.T, strict=True))
    voice = voice_events(loudness)

    motion = np.zeros((num_frames, len(MOTION_NAMES)))
    motion[:, :3] = _swaying(chance[:, :3], voice.activity, lively)
    nods = _beats(voice.onsets, by_name["pitch"], 0.42 * mood.nods, NOD_FRAMES)
    motion[:, _COLUMN["pitch"]] += mood.pitch * strength - NOD * lively * nods
    brows = _beats(voice.onsets, by_name["brow_raise"], 0.30 * mood.nods, BROW_FRAMES)
    # Speech takes a little of the smile away from the lips.
    eased = strength * (1.0 - 0.12 * voice.activity)
    motion[:, _COLUMN["brow_raise"]] = mood.brow_raise * strength + BROW_BEAT * lively * brows
    motion[:, _COLUMN["brow_furrow"]] = mood.brow_furrow * strength
    motion[:, _COLUMN["smile"]] = mood.smile * eased
    # A wide sneer parts the lips, which should touch at rest.
    motion[:, _COLUMN["sneer"]] = mood.sneer * strength * (0.75 + 0.25 * voice.activity)
    gaze = _gaze(by_name["gaze_x"], by_name["gaze_y"])
    # Eyes stay on the viewer while the head turns.
    motion[:, _COLUMN["gaze_x"]] = gaze[:, 0] - 1.2 * motion[:, _COLUMN["yaw"]]
    motion[:, _COLUMN["gaze_y"]] = gaze[:, 1] - 1.2 * motion[:, _COLUMN["pitch"]]
    lids = mood.lids * strength
    shut = _blinks(by_name["blink"], voice, mood.blinks_per_minute)
    motion[:, _COLUMN["blink"]] = lids + (1.0 - lids) * shut
    return Behaviour(np.clip(motion, LOWEST, HIGHEST).astype(np.float32), chance.astype(np.float32))


def jaw_scale(emotion: int) -> float:
    """How much wider than in the neutral mood the mouth opens in speech."""
    return MOODS[EMOTIONS[emotion]].jaw


def held_offsets(emotion: int) -> Float32Array:
    """The face that an emotion holds, without strength or speech: [M] float32 in the units of motion_names."""
    mood = MOODS[EMOTIONS[emotion]]
    held = np.zeros(len(MOTION_NAMES), np.float32)
    for name in ("pitch", "smile", "brow_raise", "brow_furrow", "sneer"):
        held[_COLUMN[name]] = getattr(mood, name)
    held[_COLUMN["blink"]] = mood.lids
    return held


def voice_events(loudness: Float32Array) -> VoiceEvents:
    """Find in a voice what head, brows and lids answer to; nothing looks ahead. loudness: [num_frames]."""
    num_frames = len(loudness)
    activity = np.zeros(num_frames)
    onsets, phrase_ends, first_words = (np.zeros(num_frames, bool) for _ in range(3))
    level, since_onset, quiet, spoken = 0.0, BEAT_REST_FRAMES, LONG_PAUSE_FRAMES, 0
    for k, loud in enumerate(np.minimum(loudness.astype(np.float64), 1.5)):
        speech = min(2.0 * loud, 1.0)
        level = level + 0.35 * (speech - level) if speech > level else max(speech, 0.9 * level)
        activity[k] = level
        since_onset += 1
        softest = float(loudness[max(0, k - 3) : k].min()) if k else 0.0
        if loud > 0.45 and loud - softest > 0.35 and since_onset >= BEAT_REST_FRAMES:
            onsets[k], since_onset = True, 0
        if speech > 0.15:
            first_words[k] = quiet >= LONG_PAUSE_FRAMES and k > 0
            quiet, spoken = 0, spoken + 1
        else:
            quiet += 1
            phrase_ends[k] = quiet == PHRASE_END_FRAMES and spoken > 8
            spoken = 0 if quiet >= PHRASE_END_FRAMES else spoken
    return VoiceEvents(activity, onsets, phrase_ends, first_words)


def _swaying(chance: FloatArray, activity: FloatArray, lively: float) -> FloatArray:
    """Yaw, pitch and roll: each rare push turns the head within a few frames, and it comes back slowly. [N, 3]."""
    pushes = np.sign(chance) * np.maximum(np.abs(chance) - PUSH_BEYOND, 0.0)
    pushes *= IDLE_PUSH + (SPEAKING_PUSH * lively - IDLE_PUSH) * activity[:, None]
    fast, slow = np.exp(-1 / PUSH_ONSET_FRAMES), np.exp(-1 / PUSH_EASE_FRAMES)
    first, second, turned = np.zeros(3), np.zeros(3), np.zeros(3)
    sway = np.empty_like(pushes)
    for k, push in enumerate(pushes):
        first = fast * first + (1 - fast) * push
        second = fast * second + (1 - fast) * first
        turned = slow * turned + second
        sway[k] = turned
    return sway


def _beats(onsets: NDArray[np.bool_], chance: FloatArray, share: float, frames: float) -> FloatArray:
    """A hump of height about 1 after each onset whose chance says so, highest `frames` after it. [N]."""
    beyond = NormalDist().inv_cdf(1.0 - share)
    hits = np.where(onsets & (chance > beyond), 0.7 + 0.4 * np.clip(chance - beyond, 0.0, 1.5), 0.0)
    steps = (np.arange(int(6 * frames)) + 1.0) / frames
    hump = steps**2 * np.exp(2.0 - 2.0 * steps)
    return np.convolve(hits, hump)[: len(hits)]


def _blinks(chance: FloatArray, voice: VoiceEvents, blinks_per_minute: float) -> FloatArray:
    """How shut the lids are, 0 to 1: [N]."""
    shut = np.zeros(len(chance) + len(BLINK_SHAPE))
    beyond_by_chance = NormalDist().inv_cdf(1.0 - blinks_per_minute / 60.0 / FRAMES_PER_S)
    beyond_at_end, beyond_at_begin = (NormalDist().inv_cdf(1.0 - p) for p in (PHRASE_END_BLINKS, FIRST_WORD_BLINKS))
    ready = 0
    for k, value in enumerate(chance):
        beyond = beyond_by_chance
        if voice.phrase_ends[k]:
            beyond = beyond_at_end
        elif voice.first_words[k]:
            beyond = beyond_at_begin
        if k >= ready and value > beyond:
            shut[k : k + len(BLINK_SHAPE)] = BLINK_SHAPE
            ready = k + len(BLINK_SHAPE) + BLINK_REST_FRAMES
    return shut[: len(chance)]


def _gaze(chance_x: FloatArray, chance_y: FloatArray) -> FloatArray:
    """Jumps between resting points: mostly at the viewer, now and then a short glance aside. [N, 2]."""
    gaze = np.zeros((len(chance_x), 2))
    before, target, ready = np.zeros(2), np.zeros(2), 0
    for k, (x, y) in enumerate(zip(chance_x, chance_y, strict=True)):
        aside = abs(target[0]) > 0.2
        before = target
        if k >= ready and abs(x) > (BACK_BEYOND if aside else LOOK_BEYOND):
            if not aside and abs(x) > ASIDE_BEYOND:
                target = np.array([np.sign(x) * (0.32 + 0.25 * (abs(x) - ASIDE_BEYOND)), 0.12 * np.clip(y, -2, 2)])
            else:
                target = np.array([np.sign(x) * 0.05, 0.04 * np.clip(y, -2, 2)])
            ready = k + LOOK_REST_FRAMES
        # A jump takes two frames.
        gaze[k] = 0.5 * (before + target)
    return gaze
