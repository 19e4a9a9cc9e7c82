"""`float-avatar serve`: the avatar in a web page.

In: settings of the command line and of FLOAT_AVATAR_... variables. Out: a server, until Ctrl-C.
"""

import gc
import logging
from pathlib import Path
from typing import Annotated

import typer

from contract.errors import PortraitNotFoundError

OWN_PICTURE_NAME = "own-picture"


def serve(
    bundle: Annotated[Path | None, typer.Option(help="Folder of the avatar; without it the one that ships.")] = None,
    portrait: Annotated[str | None, typer.Option(help="Name of one of the avatar's faces, or a picture file.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [default: 8080]")] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="interactive, balanced or paper: how soon a face answers, and for how much work; "
            "auto takes the fastest that this machine sustains.  [default: auto]"
        ),
    ] = None,
    hop_frames: Annotated[int | None, typer.Option(help="Frames drawn at a time, in place of the profile's.")] = None,
    lookahead_frames: Annotated[
        int | None, typer.Option(help="Frames of sound waited for beyond those, in place of the profile's.")
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option(help="angry, disgust, fear, happy, neutral, sad or surprise in every call; else from the voice."),
    ] = None,
    crop: Annotated[
        bool | None,
        typer.Option(
            "--crop/--no-crop", help="Cut the face out of a picture file, or take it as it is.  [default: crop]"
        ),
    ] = None,
    face_model: Annotated[
        Path | None, typer.Option(help="YuNet file (ONNX) to find the face with; else OpenCV's own detector.")
    ] = None,
    test_pattern: Annotated[bool, typer.Option(help="Serve the measuring picture instead of an avatar.")] = False,
) -> None:
    """Open the avatar and serve it to browsers."""
    from server.config import ServerConfig
    from server.listener import listen

    config = ServerConfig.read(
        bundle=bundle,
        portrait=portrait,
        host=host,
        port=port,
        profile=profile,
        hop_frames=hop_frames,
        lookahead_frames=lookahead_frames,
        emotion=emotion,
        crop=crop,
        face_model=face_model,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("aioice", "aiortc"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # First, since it is quick to fail, while an avatar takes seconds to open.
    sockets = listen(config.host, config.port)
    try:
        avatar, gallery = open_pattern(config) if test_pattern else open_bundle(config)
        try:
            run(config, avatar, gallery, sockets)
        finally:
            avatar.close()
    finally:
        for each in sockets:
            each.close()
    typer.echo("Ended.")


def run(config, avatar, gallery, sockets) -> None:
    """Serve until the end; raises the error that kept the avatar from its first frame."""
    from server.app import create_app
    from server.listener import Listener, port_of

    listener = Listener(sockets)
    failures: list[BaseException] = []

    def on_open(failure: BaseException | None) -> None:
        if failure is None:
            # What is there now stays. A full collection, as at the end of a call, stops all other calls while it lasts.
            gc.collect()
            gc.freeze()
            typer.echo(f"Ready: open {address(config.host, port_of(sockets))} and press Start. Ctrl-C ends.")
        else:
            failures.append(failure)
            listener.stop()

    listener.run(create_app(config, avatar, gallery, on_open=on_open))
    if failures:
        raise failures[0]


def address(host: str, port: int) -> str:
    """The address to type into a browser on this machine; browsers give the microphone to localhost."""
    name = "localhost" if host in ("127.0.0.1", "0.0.0.0", "localhost", "::", "::1") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def open_bundle(config):
    """The bundle's avatar and faces, the caller's own picture before them if that is what was asked for."""
    from assembly.avatar_factory import open_avatar
    from bundles import embedded_bundle
    from bundles.manifest import read_manifest

    folder = config.bundle or embedded_bundle()
    typer.echo(f"Opening the avatar in {folder} ...")
    # The files are compared with their sums when the avatar is opened.
    manifest = read_manifest(folder, verify_sums=False)
    gallery = bundle_gallery(folder, manifest, config.portrait, config.crop)
    settings = config.stream_settings(config.asked_profile(manifest.spec))
    avatar = open_avatar(folder, settings=settings, face_model=config.face_model)
    typer.echo(f"Avatar: {manifest.name}, licence {manifest.licence}.")
    return avatar, gallery


def bundle_gallery(folder: Path, manifest, asked: str | None, crop: bool = True):
    """The faces to choose from, the one asked for first; crop: the face of a picture file is to be cut out."""
    from media.picture_file import read_picture
    from server.portraits import PortraitChoice, PortraitGallery

    choices = [
        PortraitChoice(name, portrait.title, read_picture(folder / portrait.file))
        for name, portrait in manifest.portraits.items()
    ]
    if asked is None or asked in manifest.portraits:
        return PortraitGallery(choices, asked or manifest.default_portrait)
    picture = Path(asked)
    if not picture.exists():
        raise PortraitNotFoundError(f"portrait {asked!r} is neither a file nor one of {', '.join(manifest.portraits)}")
    own = PortraitChoice(OWN_PICTURE_NAME, picture.stem, read_picture(picture), crop)
    return PortraitGallery([own, *choices], own.name)


def open_pattern(config):
    """The measuring avatar and its one face. Given a window, frames wait as long as the first of it."""
    from pipeline.test_pattern import TestPatternAvatar, draw_pattern
    from server.portraits import PortraitChoice, PortraitGallery

    typer.echo("Avatar: the measuring picture.")
    face = PortraitChoice("pattern", "Measuring picture", draw_pattern(0, flash=False))
    given = (config.hop_frames, config.lookahead_frames)
    avatar = TestPatternAvatar() if given == (None, None) else TestPatternAvatar((given[0] or 1) + (given[1] or 0) - 1)
    return avatar, PortraitGallery([face], face.name)
