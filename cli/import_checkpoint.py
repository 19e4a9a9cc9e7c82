"""`float-avatar import-checkpoint`: FLOAT's released weights, which you download yourself, to a bundle that serves."""

import re
import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from contract.errors import BundleError, PortraitError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
OWN_LICENCE = "the owner's"


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Option(help="float.pth, or one safetensors file with the same names.")],
    wav2vec2: Annotated[Path, typer.Option(help="Folder of wav2vec2-base-960h.")],
    emotion_classifier: Annotated[Path, typer.Option(help="Folder of the wav2vec2 speech emotion classifier.")],
    output: Annotated[Path, typer.Option(help="The bundle's folder; an older bundle is replaced.")],
    portraits: Annotated[
        Path | None, typer.Option(help="Folder of pictures of people; without it the painted faces that ship.")
    ] = None,
    crop: Annotated[bool, typer.Option(help="Cut the faces out of those pictures, or take them as they are.")] = True,
    face_model: Annotated[
        Path | None, typer.Option(help="YuNet file (ONNX) to find faces with; else OpenCV's own detector.")
    ] = None,
) -> None:
    """Make a bundle of FLOAT's released weights: read, check every tensor, export to ONNX, compare.

    You download them yourself; they are for research only (CC BY-NC-ND 4.0). It takes minutes and 7 GiB of memory.
    """
    from tqdm import tqdm

    from export.float_networks import FloatFiles, FloatSizes
    from export.import_checkpoint import LICENCE, STEPS
    from export.import_checkpoint import import_checkpoint as make
    from pipeline.face_detector import open_face_detector

    side_px = FloatSizes().spec().image_size_px
    detector = open_face_detector(face_model) if crop else None
    faces = painted_faces(side_px) if portraits is None else own_faces(portraits, side_px, detector)
    with tqdm(total=len(STEPS), unit="step", disable=None) as progress:
        num_begun = 0

        def show(step: str) -> None:
            nonlocal num_begun
            progress.update(num_begun - progress.n)
            progress.set_description(step)
            num_begun += 1

        errors = make(FloatFiles(checkpoint, wav2vec2, emotion_classifier), faces, output, show)
        progress.update(len(STEPS) - progress.n)
    for component, error in errors.items():
        typer.echo(f"{component}: largest difference to its network {error:.1e}")
    typer.echo(f"Licence of what was imported: {LICENCE}.")
    typer.echo(f"Bundle written to {output}. Serve it with: float-avatar serve --bundle {output}")


def painted_faces(side_px: int):
    """The portraits of the avatar that ships, at another size."""
    from bundles import embedded_bundle
    from bundles.manifest import read_manifest
    from export.import_checkpoint import PortraitPicture
    from media.picture_file import read_picture
    from pipeline.portrait import resize_square

    bundle = embedded_bundle()
    manifest = read_manifest(bundle, verify_sums=False)
    return {
        name: PortraitPicture(face.title, face.licence, _png(resize_square(read_picture(bundle / face.file), side_px)))
        for name, face in sorted(manifest.portraits.items(), key=lambda item: item[0] != manifest.default_portrait)
    }


def own_faces(folder: Path, side_px: int, detector):
    """The faces found in a folder's pictures, by the pictures' names in order; what is less than ideal is told.

    detector: None takes the pictures' middle squares as they are
    Raises BundleError where the folder holds none, PortraitError where a picture has no face to cut out.
    """
    from export.import_checkpoint import PortraitPicture
    from media.picture_file import read_picture
    from pipeline.portrait_cut import cut_portrait, resize_square, take_as_it_is

    pictures = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        raise BundleError(f"{folder} holds no pictures, expected at least one of {', '.join(PICTURE_SUFFIXES)}")
    faces = {}
    for path in pictures:
        # Letters without their accents, since the name is part of an address.
        letters = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode().lower()
        name = re.sub("[^a-z0-9_-]+", "-", letters).strip("-_")
        if not name or name in faces:
            raise BundleError(f"{path} would be called {name!r}, expected names of letters and digits, all different")
        picture = read_picture(path)
        try:
            cut = take_as_it_is(picture, side_px) if detector is None else cut_portrait(picture, detector, side_px)
        except PortraitError as error:
            raise PortraitError(f"{path}: {error}") from error
        for warning in cut.warnings:
            typer.echo(f"Warning: {path.name}: {warning}.", err=True)
        faces[name] = PortraitPicture(path.stem, OWN_LICENCE, _png(resize_square(cut.square, side_px)))
    return faces


def _png(square) -> bytes:
    from server.portraits import to_png

    return to_png(square)
