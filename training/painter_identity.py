"""Who is painted: the look of a person, drawn at random or hand-tuned for the cast that ships."""

from dataclasses import dataclass

import numpy as np

from training.painter_shapes import Colour, hex_colour, mix

HAIR_STYLES = (
    "crop", "buzz", "bald", "swept", "pixie", "quiff", "long", "wavy", "bob", "fringe", "curly", "afro", "bun",
)  # fmt: skip
HEADWEAR = ("none", "hijab", "beret")
CLOTHES = ("round", "open", "collar", "jacket", "hoodie", "roll")
BACKDROP_STYLES = ("studio", "bokeh", "room", "outdoors")

_SKIN = hex_colour("#EBBD9C")
_HAIR = hex_colour("#4A2E20")
_IRIS = hex_colour("#5B7F8C")
_LIPS = hex_colour("#C4605C")
_CLOTHES = hex_colour("#3F5B73")
_BACKDROP = hex_colour("#CBB8A6")


@dataclass(frozen=True)
class Identity:
    """The look of one person; sizes are factors around 1, shares lie in 0 to 1."""

    skin: Colour = _SKIN
    hair: Colour = _HAIR
    iris: Colour = _IRIS
    lips: Colour = _LIPS
    face_width: float = 1.0
    jaw_width: float = 1.0
    chin_width: float = 1.0
    chin_length: float = 1.0
    eye_size: float = 1.0
    eye_spacing: float = 1.0
    eye_tilt: float = 0.0  # -1 to 1, outer corners up is positive
    brow_weight: float = 1.0
    brow_arch: float = 0.5
    nose_width: float = 1.0
    nose_length: float = 1.0
    mouth_width: float = 1.0
    lip_fullness: float = 1.0
    neck_width: float = 1.0
    lashes: float = 0.5
    blush: float = 0.4
    age: float = 0.2
    hair_style: str = "swept"
    hair_volume: float = 0.5
    hair_part: float = 0.4  # -1 to 1, where the hair parts
    hair_wave: float = 0.0
    headwear: str = "none"
    headwear_colour: Colour = _CLOTHES
    beard: float = 0.0  # to 0.3 stubble, from 0.7 a full beard
    has_glasses: bool = False
    glasses_colour: Colour = (0.13, 0.10, 0.10)
    glasses_width: float = 1.0  # of the lenses
    glasses_weight: float = 1.0  # of the frame
    glasses_squareness: float = 0.4  # 0 round, 1 square
    clothes_style: str = "round"
    clothes: Colour = _CLOTHES
    clothes_inner: Colour = (0.92, 0.90, 0.87)
    knit: float = 0.5
    backdrop: Colour = _BACKDROP
    backdrop_style: str = "studio"
    light: float = -0.6  # -1 from the picture's left, 1 from its right
    light_hardness: float = 0.4
    rim_light: float = 0.3
    gloss: float = 0.5
    skin_texture: float = 0.35
    freckles: float = 0.0
    cheekbones: float = 1.0
    brow_ridge: float = 0.5
    nose_bridge: float = 1.0
    mouth_drop: float = 0.0  # -1 to 1, a mouth nearer the chin is positive
    zoom: float = 1.0  # how closely the picture is cropped
    shift_x: float = 0.0  # of the face in the crop, in parts of the picture
    shift_y: float = 0.0
    seed: int = 0  # of what has no name: pores, strands, cloth, what stands behind


# How portraits are framed, and by how much they differ after the preparation has found the face.
CAST_ZOOM, CAST_SHIFT_Y, FRAMING_SPREAD = 1.13, 0.012, 0.025

SKINS = ("#F6D7C3", "#EFC5A6", "#E0AC86", "#C98F66", "#A66D48", "#7F4E33", "#5C3826")
HAIRS = ("#17131A", "#2B1B17", "#4B2E20", "#7A4A2B", "#A8703C", "#D9AE6B", "#8E3B21", "#A9A29B")
IRISES = ("#4A2C1A", "#6B4426", "#7B6A36", "#5C7F5A", "#557F9C", "#6E8794")
GLASSES = ("#2A1A14", "#7A4A22", "#8C8F94", "#B08D4A", "#6E1F2A", "#1D2A44")
CLOTH = ("#2F4858", "#7A2F3B", "#3E6B5C", "#8A6FA8", "#C98B5E", "#E8E2D8", "#31323E", "#B84F4A", "#4F6FA5", "#D9B44A")
BACKDROPS = ("#CDBBA8", "#A9BFC4", "#B9AFC6", "#C9B0A6", "#A8B8A2", "#8FA3B5", "#D8CFC2", "#7E8CA0")


def random_identity(generator: np.random.Generator) -> Identity:
    """Somebody new: geometry and colours vary, features that go together stay together."""

    def between(low: float, high: float) -> float:
        return float(generator.uniform(low, high))

    def around(spread: float) -> float:
        return float(1 + spread * np.clip(generator.normal(), -2, 2))

    def around_zero() -> float:
        return float(np.clip(generator.normal(), -2, 2))

    def pick(names: tuple[str, ...]) -> str:
        return names[int(generator.integers(len(names)))]

    tone = between(0, len(SKINS) - 1.001)
    skin = mix(hex_colour(SKINS[int(tone)]), hex_colour(SKINS[int(tone) + 1]), tone % 1)
    age = float(generator.beta(1.3, 2.2))
    hair = hex_colour(HAIRS[int(generator.integers(3))] if tone > 2.6 else pick(HAIRS[:-1]))
    hair = mix(hair, hex_colour(HAIRS[-1]), max(0.0, age - 0.55) * 2)
    iris = hex_colour(IRISES[int(generator.integers(3))] if tone > 3 else pick(IRISES))
    is_feminine = bool(generator.random() < 0.5)
    rose = mix(hex_colour("#CC5F62"), hex_colour("#A63A4B"), between(0, 1))
    lips = mix(mix(skin, hex_colour("#B5524C"), 0.5), rose, between(0.2, 0.8) if is_feminine else between(0, 0.12))
    lips = mix(lips, hex_colour("#5A2226"), 0.08 * tone / 2)
    style = pick(
        ("long", "wavy", "bob", "fringe", "curly", "afro", "bun", "pixie", "long", "wavy")
        if is_feminine
        else ("crop", "swept", "curly", "quiff", "buzz", "bald", "crop", "swept", "afro", "long")
    )
    if style == "afro" and tone < 2.4:
        style = "curly"
    chance = generator.random()
    headwear = "hijab" if is_feminine and chance < 0.12 else "beret" if chance > 0.95 else "none"
    has_beard = not is_feminine and generator.random() < 0.45
    # Half are drawn to please; the others are as far from that as the faces people photograph.
    is_drawn = bool(generator.random() < 0.5)
    free = 1.0 if is_drawn else 1.7
    small = 0.0 if is_drawn else between(0.02, 0.20)
    if not is_drawn:
        lips = mix(lips, skin, between(0.0, 0.5))
    return Identity(
        skin=skin,
        hair=hair,
        iris=iris,
        lips=lips,
        face_width=around(0.035 * free) + (0.0 if is_feminine else 0.01),
        jaw_width=around(0.04) + (-0.06 if is_feminine else 0.05),
        chin_width=around(0.10) + (-0.12 if is_feminine else 0.12),
        chin_length=around(0.030 * free) + (-0.02 if is_feminine else 0.03),
        eye_size=around(0.05 * free) + (0.09 if is_feminine else 0.0) - small,
        eye_spacing=around(0.03 * free),
        eye_tilt=between(-0.5, 1.0) if is_feminine else between(-0.6, 0.6),
        brow_weight=around(0.12) + (-0.2 if is_feminine else 0.25),
        brow_arch=between(0.4, 1.0) if is_feminine else between(0.0, 0.55),
        nose_width=around(0.10) + (-0.09 if is_feminine else 0.06),
        nose_length=around(0.05 * free) - (0.03 if is_feminine else 0.0),
        mouth_width=around(0.06 * free) - 0.04,
        lip_fullness=around(0.12 * free) + (0.10 if is_feminine else -0.06),
        neck_width=around(0.04) + (-0.09 if is_feminine else 0.09),
        lashes=between(0.6, 1.0) if is_feminine else between(0.0, 0.25),
        blush=between(0.2, 0.8) if is_feminine else between(0.0, 0.35),
        age=age,
        hair_style=style,
        hair_volume=between(0.1, 1.0),
        hair_part=between(-1, 1),
        hair_wave=between(0.5, 1.0) if style == "wavy" else between(0, 0.25),
        headwear=headwear,
        headwear_colour=mix(hex_colour(pick(CLOTH)), hex_colour(pick(CLOTH)), between(0, 0.35)),
        beard=between(0.08, 1.0) if has_beard else 0.0,
        has_glasses=bool(generator.random() < 0.14),
        glasses_colour=mix((0.10, 0.08, 0.09), hex_colour(pick(GLASSES)), between(0, 1)),
        glasses_width=between(0.86, 1.16),
        glasses_weight=between(0.45, 1.5),
        glasses_squareness=between(0, 1),
        clothes_style=pick(CLOTHES),
        clothes=mix(hex_colour(pick(CLOTH)), hex_colour(pick(CLOTH)), between(0, 0.35)),
        clothes_inner=hex_colour(pick(CLOTH)),
        knit=between(0, 1),
        backdrop_style=pick(("studio", "studio", *BACKDROP_STYLES)),
        backdrop=mix(hex_colour(pick(BACKDROPS)), hex_colour(pick(BACKDROPS)), between(0, 1)),
        light=between(-1, 1),
        light_hardness=between(0, 1),
        rim_light=between(0, 0.7),
        gloss=between(0.2, 0.9),
        skin_texture=between(0.0, 1.0),
        freckles=between(0.3, 1.0) if generator.random() < 0.15 and tone < 2.5 else 0.0,
        cheekbones=between(0.5, 1.5),
        brow_ridge=between(0.0, 0.5) if is_feminine else between(0.4, 1.2),
        nose_bridge=between(0.6, 1.25),
        mouth_drop=between(-0.6, 0.9),
        zoom=CAST_ZOOM * around(FRAMING_SPREAD),
        shift_x=0.3 * FRAMING_SPREAD * around_zero(),
        shift_y=CAST_SHIFT_Y + 0.3 * FRAMING_SPREAD * around_zero(),
        seed=int(generator.integers(1 << 31)),
    )
