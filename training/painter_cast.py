"""The people who ship with the embedded avatar, chosen by looking; the first is the default."""

from dataclasses import replace

from training.painter_identity import CAST_SHIFT_Y, CAST_ZOOM, Identity
from training.painter_shapes import hex_colour

_WOMAN = Identity(
    face_width=0.985, jaw_width=0.89, chin_width=0.84, chin_length=0.965, eye_size=1.13, eye_spacing=1.02, eye_tilt=0.5,
    brow_weight=0.86, brow_arch=0.75, nose_width=0.84, nose_length=0.94, nose_bridge=0.80, brow_ridge=0.08,
    mouth_width=0.90, lip_fullness=1.16, mouth_drop=-0.1, neck_width=0.86, lashes=0.9, blush=0.38, light=-0.6,
    light_hardness=0.35, rim_light=0.35, gloss=0.5, skin_texture=0.15, cheekbones=0.95, age=0.1, zoom=CAST_ZOOM,
    shift_y=CAST_SHIFT_Y,
)  # fmt: skip
_MAN = Identity(
    face_width=1.0, jaw_width=1.02, chin_width=1.10, chin_length=1.0, eye_size=1.02, eye_spacing=1.01, brow_weight=1.25,
    brow_arch=0.3, brow_ridge=0.65, nose_width=0.98, nose_length=0.98, mouth_width=0.94, lip_fullness=0.94,
    neck_width=1.07, lashes=0.14, blush=0.16, light=0.55, light_hardness=0.45, rim_light=0.4, gloss=0.45,
    skin_texture=0.25, age=0.15, zoom=CAST_ZOOM, shift_y=CAST_SHIFT_Y,
)  # fmt: skip

CAST: dict[str, Identity] = {
    "anna": replace(
        _WOMAN, skin=hex_colour("#F2CBB0"), hair=hex_colour("#7A4327"), iris=hex_colour("#4F8A86"),
        lips=hex_colour("#C4585A"), hair_style="wavy", hair_wave=0.75, hair_volume=0.55, hair_part=0.5, freckles=0.25,
        clothes_style="round", clothes=hex_colour("#2F6270"), knit=0.9, backdrop=hex_colour("#D6C2AC"), seed=11,
    ),
    "amara": replace(
        _WOMAN, skin=hex_colour("#8A573B"), hair=hex_colour("#1E1615"), iris=hex_colour("#4B2C1B"),
        lips=hex_colour("#9C4148"), hair_style="afro", hair_volume=0.55, lip_fullness=1.30, nose_width=1.0,
        nose_bridge=0.7, gloss=0.7, clothes_style="open", clothes=hex_colour("#D9A441"), light=0.6, seed=22,
        backdrop=hex_colour("#7FA096"),
    ),
    "mei": replace(
        _WOMAN, skin=hex_colour("#F1CBA8"), hair=hex_colour("#1E181B"), iris=hex_colour("#4A2F1F"),
        lips=hex_colour("#C9525C"), hair_style="fringe", hair_volume=0.35, hair_part=-0.3, eye_tilt=1.0, eye_size=1.04,
        face_width=1.01, nose_bridge=0.55, nose_width=0.86, clothes_style="roll", clothes=hex_colour("#EDE4D6"),
        knit=0.8, backdrop=hex_colour("#A9B4CB"), seed=33,
    ),
    "tomas": replace(
        _MAN, skin=hex_colour("#EAB892"), hair=hex_colour("#4A2C1D"), iris=hex_colour("#5E7C94"),
        lips=hex_colour("#BB6C60"), hair_style="swept", hair_volume=0.65, hair_part=-0.5, beard=0.78,
        clothes_style="jacket", clothes=hex_colour("#3A4E66"), clothes_inner=hex_colour("#E9EEF2"),
        backdrop=hex_colour("#C8B9AC"), backdrop_style="bokeh", seed=44,
    ),
    "david": replace(
        _MAN, skin=hex_colour("#6B4530"), hair=hex_colour("#151214"), iris=hex_colour("#3E2517"),
        lips=hex_colour("#8F5049"), hair_style="buzz", lip_fullness=1.14, nose_width=1.12, nose_bridge=0.85, gloss=0.75,
        has_glasses=True, clothes_style="hoodie", clothes=hex_colour("#D8CDBB"), clothes_inner=hex_colour("#F2EEE6"),
        backdrop=hex_colour("#8FA6B8"), light=-0.6, beard=0.12, seed=55,
    ),
    "helen": replace(
        _WOMAN, skin=hex_colour("#EFC7AC"), hair=hex_colour("#B9B2AB"), iris=hex_colour("#5F82A3"),
        lips=hex_colour("#BC6262"), hair_style="bob", hair_wave=0.3, hair_volume=0.5, hair_part=0.45, age=0.55,
        jaw_width=0.93, lip_fullness=1.02, eye_size=1.07, clothes_style="collar", clothes=hex_colour("#7B5B86"),
        backdrop=hex_colour("#CDBFB4"), seed=66,
    ),
    "ravi": replace(
        _MAN, skin=hex_colour("#BC8258"), hair=hex_colour("#1D1615"), iris=hex_colour("#4A2D1C"),
        lips=hex_colour("#A8594F"), hair_style="quiff", hair_volume=0.35, hair_part=0.5, beard=0.22, lashes=0.3,
        clothes_style="collar", clothes=hex_colour("#2F5D57"), backdrop=hex_colour("#D6C3A2"), seed=77,
    ),
    "sofia": replace(
        _WOMAN, skin=hex_colour("#DDA67F"), hair=hex_colour("#33201A"), iris=hex_colour("#6B4A2A"),
        lips=hex_colour("#BE4A50"), hair_style="long", hair_volume=0.7, hair_part=-0.45, clothes_style="jacket",
        clothes=hex_colour("#8E3B44"), clothes_inner=hex_colour("#F0E9E2"), backdrop=hex_colour("#AFC0C4"), light=0.5,
        backdrop_style="room", seed=88,
    ),
    "layla": replace(
        _WOMAN, skin=hex_colour("#D9A37C"), hair=hex_colour("#1F1613"), iris=hex_colour("#5A3A22"),
        lips=hex_colour("#B9545A"), headwear="hijab", headwear_colour=hex_colour("#3F6F8C"), brow_weight=1.0,
        eye_size=1.15, clothes=hex_colour("#31323E"), backdrop=hex_colour("#D9CBB8"), light=-0.5, seed=99,
    ),
    "oskar": replace(
        _MAN, skin=hex_colour("#F0C7A8"), hair=hex_colour("#A9A29B"), iris=hex_colour("#6C8CA6"),
        lips=hex_colour("#BE7468"), hair_style="crop", hair_volume=0.4, beard=0.62, age=0.62, clothes_style="roll",
        clothes=hex_colour("#39463F"), knit=1.0, backdrop=hex_colour("#A8B8A2"), backdrop_style="outdoors", seed=110,
    ),
}  # fmt: skip
