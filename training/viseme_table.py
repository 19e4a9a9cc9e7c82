"""How the mouth stands for each speech sound, and which sound each phone label of a synthesiser means.

The numbers were chosen by eye from what lips do: vowels open, consonants nearly close, only some of them insist.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viseme:
    """A target of the mouth and how strongly it resists its neighbours (0 takes whatever they want, 1 insists).

    jaw, width, rounding: in the units of motion_names
    closing, tuck: how far the lips press together (p, b, m), and the lower lip goes under the teeth (f, v)
    """

    jaw: float
    width: float
    rounding: float
    jaw_weight: float = 1.0
    lip_weight: float = 1.0
    closing: float = 0.0
    tuck: float = 0.0
    is_vowel: bool = False


def _vowel(jaw: float, width: float, rounding: float, weight: float = 1.0) -> Viseme:
    return Viseme(jaw, width, rounding, jaw_weight=weight, lip_weight=weight, is_vowel=True)


VISEMES = {
    "rest": Viseme(0.0, 0.0, 0.0),
    # Vowels, from close to open.
    "i": _vowel(0.42, 0.80, 0.0),
    "ih": _vowel(0.48, 0.50, 0.0),
    "e": _vowel(0.60, 0.60, 0.0),
    "eh": _vowel(0.72, 0.42, 0.0),
    "ae": _vowel(0.92, 0.38, 0.0),
    "a": _vowel(1.00, 0.12, 0.0),
    "aa": _vowel(1.00, -0.05, 0.0),
    "uh": _vowel(0.78, 0.05, 0.0),
    "schwa": _vowel(0.48, 0.02, 0.0, 0.7),
    "er": _vowel(0.55, -0.15, 0.30),
    "ao": _vowel(0.88, -0.30, 0.50),
    "o": _vowel(0.68, -0.45, 0.75),
    "u_lax": _vowel(0.48, -0.35, 0.62),
    "u": _vowel(0.42, -0.60, 0.95),
    "y": _vowel(0.42, -0.50, 0.90),
    "oe": _vowel(0.62, -0.35, 0.68),
    # Consonants that need the lips.
    "m": Viseme(0.03, 0.0, 0.0, 1.6, 0.25, closing=1.0),
    "f": Viseme(0.10, 0.05, 0.0, 1.4, 0.35, tuck=1.0),
    "soft_b": Viseme(0.06, 0.0, 0.0, 1.4, 0.25, closing=0.6),
    "w": Viseme(0.14, -0.60, 0.92, 1.0, 1.2),
    "sh": Viseme(0.08, -0.15, 0.55, 1.3, 0.9),
    "r": Viseme(0.18, -0.20, 0.35, 0.8, 0.6),
    # Consonants made behind the lips: those with hiss keep the teeth together, the rest follow their neighbours.
    "s": Viseme(0.04, 0.28, 0.0, 1.4, 0.35),
    "t": Viseme(0.10, 0.12, 0.0, 0.9, 0.15),
    "l": Viseme(0.20, 0.10, 0.0, 0.7, 0.15),
    "th": Viseme(0.15, 0.10, 0.0, 1.0, 0.25),
    "k": Viseme(0.22, 0.05, 0.0, 0.5, 0.10),
    "j": Viseme(0.22, 0.55, 0.0, 0.8, 0.6),
    "h": Viseme(0.30, 0.0, 0.0, 0.15, 0.05),
}

# Labels of flite and festival, whose "r" and "y" reach us as the IPA's "ɹ" and "j" (see CMU_RENAMED).
_CMU = {
    "aa": "aa", "ae": "ae", "ah": "uh", "ao": "ao", "aw": "a u_lax", "ax": "schwa", "axr": "er", "ay": "a ih",
    "b": "m", "ch": "t sh", "d": "t", "dh": "th", "dx": "t", "eh": "eh", "el": "l", "em": "m", "en": "t", "er": "er",
    "ey": "e ih", "f": "f", "g": "k", "hh": "h", "hv": "h", "ih": "ih", "iy": "i", "jh": "t sh", "k": "k", "l": "l",
    "m": "m", "n": "t", "nx": "t", "ng": "k", "ow": "o u_lax", "oy": "ao ih", "p": "m", "s": "s", "sh": "sh",
    "t": "t", "th": "th", "uh": "u_lax", "uw": "u", "v": "f", "w": "w", "z": "s", "zh": "sh",
}  # fmt: skip

CMU_RENAMED = {"r": "ɹ", "y": "j"}

# One character of the IPA, as espeak-ng writes it; its labels are one or more of these.
_IPA = {
    "i": "i", "ɪ": "ih", "ɨ": "ih", "e": "e", "ɛ": "eh", "æ": "ae", "a": "a", "ɐ": "uh", "ɑ": "aa", "ɒ": "ao",
    "ʌ": "uh", "ə": "schwa", "ɜ": "er", "ɚ": "er", "ɝ": "er", "ɔ": "ao", "o": "o", "ɤ": "uh", "ʊ": "u_lax", "u": "u",
    "ʉ": "u", "ɯ": "ih", "y": "y", "ʏ": "y", "ø": "oe", "œ": "oe", "ɵ": "oe",
    "p": "m", "b": "m", "m": "m", "ɱ": "f", "β": "soft_b", "f": "f", "v": "f", "ʋ": "f", "w": "w", "ʍ": "w", "ɥ": "y",
    "ʃ": "sh", "ʒ": "sh", "ɕ": "sh", "ʑ": "sh", "ɹ": "r", "ɻ": "r", "r": "l", "ɾ": "t", "ʀ": "k", "ʁ": "k",
    "s": "s", "z": "s", "t": "t", "d": "t", "n": "t", "l": "l", "ɫ": "l", "ʎ": "j", "ɲ": "j", "θ": "th", "ð": "th",
    "k": "k", "g": "k", "ɡ": "k", "ŋ": "k", "x": "k", "ɣ": "k", "χ": "k", "ç": "j", "ʝ": "j", "j": "j", "c": "k",
    "ɟ": "k", "ᵻ": "ih", "h": "h", "ɦ": "h", "ʔ": "h",
}  # fmt: skip

SILENT_LABELS = frozenset({"", "_", "pau"})


def visemes_of(label: str) -> tuple[Viseme, ...]:
    """The visemes that a phone label passes through in equal times; an unknown label is a neutral consonant."""
    if label in SILENT_LABELS:
        return (VISEMES["rest"],)
    if label in _CMU:
        return tuple(VISEMES[name] for name in _CMU[label].split())
    names = [_IPA[character] for character in label if character in _IPA]
    return tuple(VISEMES[name] for name in names) or (VISEMES["k"],)
