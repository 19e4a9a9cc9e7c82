"""Clips for phase 2: sound and the true motion of a face that makes it, drawn by chance and kept in one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from contract.errors import MediaError
from contract.packets import FRAMES_PER_S, MODEL_RATE_HZ, SAMPLES_PER_FRAME, Float32Array
from contract.spec import EMOTIONS
from training import speech_espeak, speech_recorded
from training.behaviour import CHANCE_NAMES, behaviour, jaw_scale
from training.motion_names import MOTION_NAMES
from training.speech_other_sounds import other_sound
from training.speech_sentences import sentences
from training.speech_utterance import Phone, Utterance, Voice
from training.speech_voices import draw_voice, in_mood
from training.visemes import MOUTH_COLUMNS, articulation, frame_loudness, speech_frames

FORMAT = 2
ARRAY_NAMES = frozenset(
    {
        *("format", "motion_names", "pcm", "motion", "chance", "speech_mask", "frame_offsets", "emotion", "voices"),
        *("phone_labels", "phone_index", "phone_times_s", "phone_offsets"),
    }
)
SHORTEST_S, LONGEST_S = 10.0, 20.0
SPEECH_RMS = 0.10
MOST_MISFITS = 3
SPEECHLESS_SHARE = 0.14
NEUTRAL_SHARE = 0.34
_SPEAKERS = {
    "espeak-ng": speech_espeak.speak,
    "flite": speech_recorded.speak_flite,
    "festival": speech_recorded.speak_festival,
}


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Sound and motion of one face.

    pcm: [num_frames * 640] float32 in [-1, 1], 16 kHz, clean
    motion: [num_frames, 15] float32, in the units of motion_names, at the middle of each frame
    emotion: index into EMOTIONS
    speech_mask: [num_frames] bool, whether a phone sounds at the middle of the frame
    phones: label, start and end in seconds; what they leave out is silence
    voice: name of the voice; "" where nobody speaks
    chance: [num_frames, 7] float32, what drew the motion that the voice does not decide; None where none of it is by
        training.behaviour
    """

    pcm: Float32Array
    motion: Float32Array
    emotion: int
    speech_mask: NDArray[np.bool_]
    phones: tuple[Phone, ...]
    voice: str = ""
    chance: Float32Array | None = None

    @property
    def num_frames(self) -> int:
        return len(self.motion)


def synthesise(voice: Voice, text: str) -> Utterance:
    """Say text with a voice, as 16 kHz sound and phones with times.

    Raises ConfigError when the program is missing or has no such voice, MediaError when it gives no sound.
    """
    return _SPEAKERS[voice.program](voice, text)


def make_clip(generator: np.random.Generator, held_out: bool = False) -> Clip:
    """Draw a clip of 10 to 20 s: silence, sentences of one voice, pauses; one in ten without any speech."""
    emotion = _draw_emotion(generator)
    num_frames = int(generator.integers(int(SHORTEST_S * FRAMES_PER_S), int(LONGEST_S * FRAMES_PER_S) + 1))
    if generator.random() < SPEECHLESS_SHARE:
        return assemble(other_sound(num_frames * SAMPLES_PER_FRAME, generator), (), emotion, generator)
    voice = in_mood(draw_voice(generator, held_out), EMOTIONS[emotion])
    texts = sentences(voice.language, held_out)
    pcm = np.zeros(num_frames * SAMPLES_PER_FRAME, np.float32)
    phones: list[Phone] = []
    # Half of the clips begin almost at once, so that a window may open in mid-sentence as well as in silence.
    lead_s = generator.uniform(0.1, 0.5) if generator.random() < 0.5 else generator.uniform(0.5, 2.5)
    position = int(lead_s * MODEL_RATE_HZ)
    num_misfits = 0
    while num_misfits < MOST_MISFITS:
        spoken = trimmed(synthesise(voice, texts[int(generator.integers(len(texts)))]))
        if position + len(spoken.pcm) > len(pcm) - MODEL_RATE_HZ // 5:
            # A shorter sentence may still fit.
            num_misfits += 1
            continue
        gain = SPEECH_RMS * 10 ** (generator.uniform(-3, 3) / 20) / (_speech_rms(spoken.pcm) + 1e-9)
        pcm[position : position + len(spoken.pcm)] = np.clip(spoken.pcm * gain, -1.0, 1.0)
        offset_s = position / MODEL_RATE_HZ
        phones.extend((label, start_s + offset_s, end_s + offset_s) for label, start_s, end_s in spoken.phones)
        # Mostly the pauses of someone who goes on, now and then those of someone who listens.
        pause_s = generator.uniform(0.15, 0.8) if generator.random() < 0.8 else generator.uniform(1.0, 4.0)
        position += len(spoken.pcm) + int(pause_s * MODEL_RATE_HZ)
    return assemble(pcm, tuple(phones), emotion, generator, f"{voice.program}/{voice.name}")


def assemble(
    pcm: Float32Array, phones: tuple[Phone, ...], emotion: int, generator: np.random.Generator, voice: str = ""
) -> Clip:
    """Give sound with known phones the motion of a face; sound without phones leaves the mouth at rest."""
    num_frames = len(pcm) // SAMPLES_PER_FRAME
    mask = speech_frames(phones, num_frames)
    # What is no speech must not liven the face.
    loudness = frame_loudness(pcm) if phones else np.zeros(num_frames, np.float32)
    drawn = behaviour(loudness, emotion, generator)
    motion = drawn.motion
    mouth = articulation(phones, num_frames, loudness)
    mouth[:, 0] = np.clip(mouth[:, 0] * jaw_scale(emotion), 0.0, 1.0)
    motion[:, MOUTH_COLUMNS] = mouth
    return Clip(pcm, motion, emotion, mask, phones, voice, drawn.chance)


def trimmed(utterance: Utterance) -> Utterance:
    """Cut the silence before the first and after the last phone, so that the clip alone sets the pauses."""
    sounding = [phone for phone in utterance.phones if phone[0] != "_"]
    if not sounding:
        raise MediaError(f"voice {utterance.voice!r} says no phone in {utterance.text!r}, expected at least one")
    # A little is kept on both sides, since sound rings on after its phone.
    start = max(0, int((sounding[0][1] - 0.02) * MODEL_RATE_HZ))
    end = min(len(utterance.pcm), int((sounding[-1][2] + 0.05) * MODEL_RATE_HZ))
    start_s = start / MODEL_RATE_HZ
    phones = tuple(
        (label, begin_s - start_s, end_s - start_s)
        for label, begin_s, end_s in utterance.phones
        if begin_s >= sounding[0][1] and end_s <= sounding[-1][2]
    )
    return Utterance(utterance.pcm[start:end], phones, utterance.voice, utterance.text)


def save_clips(path: Path, clips: list[Clip]) -> None:
    """Write one or more clips to one .npz: sound as int16, motion as float16, labels as an index into a list."""
    assert clips, "no clips to save, expected at least one"
    labels = sorted({phone[0] for clip in clips for phone in clip.phones})
    index = {label: i for i, label in enumerate(labels)}
    phones = [phone for clip in clips for phone in clip.phones]
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "motion_names": np.array(MOTION_NAMES),
        "pcm": np.concatenate([np.round(clip.pcm * 32767.0).astype(np.int16) for clip in clips]),
        "motion": np.concatenate([clip.motion.astype(np.float16) for clip in clips]),
        "chance": np.concatenate([_chance_of(clip).astype(np.float16) for clip in clips]),
        "speech_mask": np.concatenate([clip.speech_mask for clip in clips]),
        "frame_offsets": np.cumsum([0, *(clip.num_frames for clip in clips)]),
        "emotion": np.array([clip.emotion for clip in clips], np.int8),
        "voices": np.array([clip.voice for clip in clips]),
        "phone_labels": np.array(labels, np.str_),
        "phone_index": np.array([index[label] for label, _, _ in phones], np.int16),
        "phone_times_s": np.array([times for _, *times in phones], np.float32).reshape(-1, 2),
        "phone_offsets": np.cumsum([0, *(len(clip.phones) for clip in clips)]),
    }
    # Whoever reads the old file meanwhile keeps it whole.
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.replace(path)


def load_clips(path: Path) -> list[Clip]:
    """Read clips written by save_clips; raises MediaError when the file is missing, damaged or of another format."""
    try:
        with path.open("rb") as file, np.load(file) as stored:
            arrays: dict[str, Any] = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, AttributeError, BadZipFile) as error:
        raise MediaError(f"{path} can't be read as clips: {error}") from error
    if missing := sorted(ARRAY_NAMES - set(arrays)):
        raise MediaError(f"{path} lacks the arrays {missing}, expected a file written by save_clips")
    if int(arrays["format"]) != FORMAT or tuple(arrays["motion_names"]) != MOTION_NAMES:
        raise MediaError(
            f"{path} has format {arrays['format']} and motion {tuple(arrays['motion_names'])}, "
            f"expected {FORMAT} and {MOTION_NAMES}"
        )
    clips = []
    frames, spans = arrays["frame_offsets"], arrays["phone_offsets"]
    for i in range(len(arrays["emotion"])):
        rows = slice(int(frames[i]), int(frames[i + 1]))
        samples = slice(rows.start * SAMPLES_PER_FRAME, rows.stop * SAMPLES_PER_FRAME)
        phones = tuple(
            (
                str(arrays["phone_labels"][arrays["phone_index"][j]]),
                float(arrays["phone_times_s"][j, 0]),
                float(arrays["phone_times_s"][j, 1]),
            )
            for j in range(int(spans[i]), int(spans[i + 1]))
        )
        clips.append(
            Clip(
                pcm=arrays["pcm"][samples].astype(np.float32) / 32767.0,
                motion=arrays["motion"][rows].astype(np.float32),
                emotion=int(arrays["emotion"][i]),
                speech_mask=arrays["speech_mask"][rows],
                phones=phones,
                voice=str(arrays["voices"][i]),
                chance=arrays["chance"][rows].astype(np.float32),
            )
        )
    return clips


def _chance_of(clip: Clip) -> Float32Array:
    assert clip.chance is not None, "a clip without chance, expected one that assemble() made"
    assert clip.chance.shape == (clip.num_frames, len(CHANCE_NAMES)), f"chance has shape {clip.chance.shape}"
    return clip.chance


def _draw_emotion(generator: np.random.Generator) -> int:
    chances = [NEUTRAL_SHARE if name == "neutral" else (1 - NEUTRAL_SHARE) / (len(EMOTIONS) - 1) for name in EMOTIONS]
    return int(generator.choice(len(EMOTIONS), p=chances))


def _speech_rms(pcm: Float32Array) -> float:
    heard = pcm[np.abs(pcm) > 0.01]
    return float(np.sqrt(np.mean(heard**2))) if len(heard) else 0.0
