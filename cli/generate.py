"""`float-avatar generate`: a portrait and a sound file become an MP4 of that face speaking.

In: a sound file, a portrait, settings. Out: an MP4 with the sound; progress on standard error.
"""

from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from contract.errors import ConfigError, PortraitNotFoundError

# Beyond so many frames what follows no longer shows in what is kept.
LOOKAHEAD_FRAMES = 8
AUDIO_MODES = ("whole_clip", "rolling")
# What is heard at once takes memory, in the end with its square: 2 GiB a minute's clip, more than 3 two minutes'.
LONGEST_UNASKED_S = 120
LONGEST_CLIP_S = 600


def generate(
    audio: Annotated[Path, typer.Option(help="Sound file: WAV, MP3, M4A, anything FFmpeg reads.")],
    output: Annotated[Path, typer.Option(help="MP4 file to write.")],
    portrait: Annotated[str | None, typer.Option(help="Name of one of the avatar's faces, or a picture file.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Folder of the avatar; without it the one that ships.")] = None,
    emotion: Annotated[
        str | None, typer.Option(help="angry, disgust, fear, happy, neutral, sad or surprise; else from the voice.")
    ] = None,
    emotion_guidance: Annotated[float | None, typer.Option(help="How strongly the emotion shows.")] = None,
    audio_guidance: Annotated[float | None, typer.Option(help="How strongly the voice moves the face.")] = None,
    seed: Annotated[int, typer.Option(help="Another number gives other movements to the same words.")] = 0,
    crop: Annotated[bool, typer.Option(help="Cut the face out of a picture file, or take it as it is.")] = True,
    face_model: Annotated[
        Path | None, typer.Option(help="YuNet file (ONNX) to find the face with; else OpenCV's own detector.")
    ] = None,
    hop_frames: Annotated[int | None, typer.Option(help="Frames kept of each window; else all but the next.")] = None,
    lookahead_frames: Annotated[int | None, typer.Option(help="Frames drawn beyond those, for what follows.")] = None,
    audio_mode: Annotated[
        str | None, typer.Option(help="whole_clip hears all of the sound at once, rolling as a call would.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    motion_edits: Annotated[
        list[str] | None,
        typer.Option("--lambda", metavar="NAME=X", help="Edit a direction of motion: smile=+0.5 adds, yaw=0 holds."),
    ] = None,
) -> None:
    """Make a film of a portrait that speaks a sound file."""
    began_s = perf_counter()
    from tqdm import tqdm

    from assembly.avatar_factory import open_avatar
    from bundles import embedded_bundle
    from bundles.manifest import read_manifest
    from contract.packets import FRAMES_PER_S
    from media.audio_file import AudioFile
    from media.mp4_file import Mp4File
    from pipeline.avatar import StreamSettings
    from pipeline.motion_editor import MotionEdit

    if output.exists() and audio.exists() and output.samefile(audio):
        raise ConfigError(f"the film would take the place of its own sound, {audio}: expected another output")
    folder = bundle or embedded_bundle()
    # What is cheap to refuse comes first, before seconds go into opening the avatar.
    with AudioFile(audio) as sound:
        manifest = read_manifest(folder, verify_sums=False)
        hears_whole = hears_whole_clip(audio_mode, manifest.spec.audio_statistics)
        if hears_whole and manifest.spec.audio_statistics and hop_frames is None and lookahead_frames is None:
            # As the released program draws it.
            lookahead_frames = 0
        hop_frames, lookahead_frames = window(manifest.spec.window_frames, hop_frames, lookahead_frames)
        settings = StreamSettings(
            hop_frames=hop_frames,
            lookahead_frames=lookahead_frames,
            seed=seed,
            emotion=emotion,
            audio_guidance=audio_guidance,
            emotion_guidance=emotion_guidance,
            motion_edits=tuple(MotionEdit.parse(text) for text in motion_edits or ()),
        )
        settings.window(manifest.spec)
        typer.echo(f"Avatar: {manifest.name}, licence {manifest.licence}.", err=True)
        picture, is_own = chosen_picture(folder, portrait)
        side_px = manifest.spec.image_size_px
        chunks, clip = whole_clip(sound, is_asked_for=audio_mode is not None) if hears_whole else (sound.chunks(), None)
        with (
            Mp4File(output, side_px, side_px) as film,
            closing(open_avatar(folder, engine, settings=settings, face_model=face_model)) as avatar,
        ):
            face = avatar.prepare(picture, crop=crop and is_own)
            for warning in face.warnings:
                typer.echo(f"Warning: {warning}.", err=True)
            stream = avatar.start(face, settings, clip)
            with tqdm(total=sound.expected_frames, unit="frame", desc=output.name, disable=None) as progress:
                num_frames = 0
                for chunk in chunks:
                    for frame in stream.push(chunk):
                        film.write(frame)
                        num_frames += 1
                        progress.update()
                for frame in stream.flush():
                    film.write(frame)
                    num_frames += 1
                    progress.update()
                # A header's promise may be off by a frame or two.
                progress.total = num_frames
                progress.refresh()
    took_s = perf_counter() - began_s
    length_s = num_frames / FRAMES_PER_S
    typer.echo(
        f"{output}: {num_frames} frames, {length_s:.2f} s of sound in {took_s:.2f} s with start-up, "
        f"real-time factor {took_s / length_s:.2f}"
    )


def window(window_frames: int, hop_frames: int | None, lookahead_frames: int | None) -> tuple[int, int]:
    """Hop and look-ahead: those asked for, else the whole window, since nobody waits for the first frame."""
    if lookahead_frames is None:
        room_frames = LOOKAHEAD_FRAMES if hop_frames is None else window_frames - hop_frames
        lookahead_frames = max(0, min(LOOKAHEAD_FRAMES, room_frames))
    if hop_frames is None:
        hop_frames = max(1, window_frames - max(0, lookahead_frames))
    return hop_frames, lookahead_frames


def hears_whole_clip(asked: str | None, is_better_whole: bool) -> bool:
    """Whether the sound is heard at once: where that is asked for, else where it makes a difference."""
    if asked is not None and asked not in AUDIO_MODES:
        raise ConfigError(f"audio mode {asked!r}, expected one of {', '.join(AUDIO_MODES)}")
    return asked == "whole_clip" or (asked is None and is_better_whole)


def whole_clip(sound, is_asked_for: bool):
    """The chunks of a sound and all of it as one array; None for the latter where it is too long to be heard at once.

    Raises ConfigError instead where the whole clip was asked for.
    """
    import numpy as np

    from contract.packets import FRAMES_PER_S

    longest_s = LONGEST_CLIP_S if is_asked_for else LONGEST_UNASKED_S
    rest = sound.chunks()
    chunks = list(islice(rest, longest_s * FRAMES_PER_S))
    following = next(rest, None)
    if following is None:
        return chunks, np.concatenate([chunk.pcm for chunk in chunks])[: sound.num_samples]
    told = f"the sound is longer than {longest_s} s"
    if is_asked_for:
        raise ConfigError(f"{told}, the most that is heard at once: expected audio mode rolling")
    typer.echo(f"{told}: it is heard as in a call, unless --audio-mode whole_clip asks for all at once", err=True)
    return chain(chunks, [following], rest), None


def chosen_picture(folder: Path, asked: str | None):
    """The picture of a portrait's name or file, and whether it is the caller's own.

    Raises PortraitNotFoundError where it is neither, PortraitError where the file is no picture.
    """
    from bundles.manifest import read_manifest
    from media.picture_file import read_picture

    manifest = read_manifest(folder, verify_sums=False)
    name = asked or manifest.default_portrait
    if name in manifest.portraits:
        return read_picture(folder / manifest.portraits[name].file), False
    if not Path(name).exists():
        raise PortraitNotFoundError(f"portrait {name!r} is neither a file nor one of {', '.join(manifest.portraits)}")
    return read_picture(Path(name)), True
