"""Speech for training: the front of the speech files, for evaluation and tests. `float-avatar train speech` makes it.

In: nothing but a seed.  Out: clips of synthetic speech whose phones, and so the motion of the mouth, are known.
The parts: speech_sentences (what is said), speech_voices (by whom), speech_espeak and speech_recorded (the sound),
visemes and behaviour (the motion), speech_clips (both put together), speech_augment (the room and the microphone).
"""

from training.speech_augment import augment
from training.speech_clips import Clip, assemble, load_clips, make_clip, save_clips, synthesise
from training.speech_sentences import sentences
from training.speech_utterance import Utterance, Voice
from training.speech_voices import draw_voice

__all__ = [
    "Clip",
    "Utterance",
    "Voice",
    "assemble",
    "augment",
    "draw_voice",
    "load_clips",
    "make_clip",
    "save_clips",
    "sentences",
    "synthesise",
]
