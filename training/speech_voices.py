"""The speakers: which voices train, which are kept for judging, and how one is drawn by chance."""

from dataclasses import replace

import numpy as np

from training.speech_utterance import Voice

ESPEAK_ACCENTS = {
    "en": ("en-us", "en", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbclan"),
    "de": ("de",),
    "fr": ("fr", "fr-be"),
    "es": ("es", "es-419"),
    "it": ("it",),
    "pt": ("pt", "pt-br"),
    "nl": ("nl",),
    "pl": ("pl",),
    "tr": ("tr",),
}
ESPEAK_SPEAKERS = (
    "m1", "m2", "m3", "m4", "m6", "m7", "f1", "f2", "f3", "f4", "adam", "Alex", "Alicia", "Andrea", "Andy", "Annie",
    "antonio", "aunty", "belinda", "boris", "caleb", "david", "ed", "edward", "gustave", "Hugo", "iven", "john",
    "Lee", "marcelo", "Marco", "max", "miguel", "mike", "pablo", "paul", "pedro", "quincy", "rob", "steph2", "travis",
    "victor", "anika", "grandpa", "grandma", "whisper",
)  # fmt: skip

# Never heard in training: an accent of English, speakers of every kind, and one of the recorded voices.
HELD_OUT_ACCENTS = {
    "en": ("en-gb-scotland", "en-gb-x-gbcwmd"),
    "de": ("de",),
    "fr": ("fr-ch",),
    "es": ("es",),
    "it": ("it",),
    "pt": ("pt",),
    "nl": ("nl",),
    "pl": ("pl",),
    "tr": ("tr",),
}
HELD_OUT_SPEAKERS = ("m5", "m8", "f5", "Michael", "linda", "Denis", "steph", "sandro", "shelby", "Zac")

FLITE_VOICES, HELD_OUT_FLITE_VOICES = ("slt", "rms"), ("awb",)
FESTIVAL_VOICES = ("kal_diphone",)

RATE_SPAN, PITCH_SPAN, SIZE_SPAN = (0.80, 1.30), (0.70, 1.40), (0.84, 1.16)

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr")
LANGUAGE_CHANCES = (0.40, 0.12, 0.10, 0.09, 0.07, 0.06, 0.06, 0.05, 0.05)


def draw_voice(generator: np.random.Generator, held_out: bool = False) -> Voice:
    """Draw a speaker; those for training and those held out share no voice."""
    rate, pitch, size = (float(generator.uniform(*span)) for span in (RATE_SPAN, PITCH_SPAN, SIZE_SPAN))
    kind = generator.random()
    if held_out:
        if kind < 0.30:
            return Voice("flite", str(generator.choice(HELD_OUT_FLITE_VOICES)), "en", rate, pitch, size)
    elif kind < 0.36:
        return Voice("flite", str(generator.choice(FLITE_VOICES)), "en", rate, pitch, size)
    elif kind < 0.44:
        return Voice("festival", str(generator.choice(FESTIVAL_VOICES)), "en", rate, pitch, size)
    language = str(generator.choice(LANGUAGES, p=LANGUAGE_CHANCES))
    accent = generator.choice((HELD_OUT_ACCENTS if held_out else ESPEAK_ACCENTS)[language])
    speaker = generator.choice(HELD_OUT_SPEAKERS if held_out else ESPEAK_SPEAKERS)
    return Voice("espeak-ng", f"{accent}+{speaker}", language, rate, pitch, size)


# Rate and pitch by which a mood can be heard, as far as these voices can act.
MOOD_TONE = {
    "angry": (1.12, 1.10),
    "disgust": (0.95, 0.95),
    "fear": (1.15, 1.20),
    "happy": (1.08, 1.15),
    "neutral": (1.0, 1.0),
    "sad": (0.85, 0.85),
    "surprise": (1.05, 1.25),
}


def in_mood(voice: Voice, emotion: str) -> Voice:
    """The same speaker in a mood."""
    rate, pitch = MOOD_TONE[emotion]
    return replace(voice, rate=voice.rate * rate, pitch=voice.pitch * pitch)
