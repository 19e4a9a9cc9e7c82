"""A picture becomes a portrait: found, cut out, and split once into identity, motion and feature maps.

In: an RGB picture of one person. Out: `Portrait`, what the rest of the pipeline needs of it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from contract.errors import PortraitError
from contract.packets import Float32Array, UInt8Array
from contract.spec import AvatarSpec
from engines.base import Engine
from pipeline.face_detector import FaceDetector
from pipeline.portrait_cut import (
    ReadFraming,
    crop_about_face,
    cut_portrait,
    find_face,
    resize_square,
    take_as_it_is,
)

__all__ = ["Portrait", "crop_about_face", "encode_portrait", "find_face", "framing_reader", "resize_square"]

SMALLEST_PICTURE_PX = 32
LARGEST_SIDE_PX = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """What the networks read from a portrait, a batch of one throughout.

    identity_latent: [1, latent_dim] float32
    reference_motion: [1, latent_dim] float32, the motion latent of the picture itself
    feature_pyramid: the decoder's `feature_0` ... by name, each [1, channels, side, side] float32
    face: [1, num_face_values] float32, what was read of the face; None where the decoder asks for nothing
    warnings: what makes the picture less than ideal, a sentence each
    """

    identity_latent: Float32Array
    reference_motion: Float32Array
    feature_pyramid: dict[str, Float32Array]
    face: Float32Array | None = None
    warnings: tuple[str, ...] = ()

    @property
    def of_decoder(self) -> dict[str, Float32Array]:
        """What the frame decoder is told of the portrait, by the names of its inputs."""
        face = {} if self.face is None else {"face": self.face}
        return {"identity_latent": self.identity_latent, **self.feature_pyramid, **face}


def encode_portrait(
    engine: Engine, spec: AvatarSpec, picture: UInt8Array, detector: FaceDetector | None = None
) -> Portrait:
    """Prepare a picture and run the portrait encoder once.

    picture: [height, width, 3] uint8, RGB
    detector: finds the face that the square is cut about; without it the middle square is taken as it is
    Raises PortraitError where the picture is no RGB picture, too small, or holds no one face that can be used.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise PortraitError(f"picture is {picture.dtype} {list(picture.shape)}, expected uint8 [height, width, 3] RGB")
    if min(picture.shape[:2]) < SMALLEST_PICTURE_PX:
        raise PortraitError(
            f"picture is {picture.shape[1]} x {picture.shape[0]} px, expected at least {SMALLEST_PICTURE_PX} px a side"
        )
    picture = _bounded(picture)
    side_px = spec.image_size_px
    if detector is None:
        cut = take_as_it_is(picture, side_px)
    else:
        cut = cut_portrait(picture, detector, side_px, framing_reader(engine, spec))
    outputs = engine.run(image=_to_unit(resize_square(cut.square, side_px)))
    pyramid = {f"feature_{i}": outputs[f"feature_{i}"].astype(np.float32) for i in range(spec.num_levels)}
    return Portrait(
        identity_latent=outputs["identity_latent"].astype(np.float32),
        reference_motion=outputs["reference_motion"].astype(np.float32),
        feature_pyramid=pyramid,
        face=outputs["face"].astype(np.float32) if spec.num_face_values else None,
        warnings=cut.warnings,
    )


def framing_reader(engine: Engine, spec: AvatarSpec) -> ReadFraming | None:
    """Reads the square that a face should be cut to by the portrait encoder; None where that does not tell it."""

    def read(square: UInt8Array) -> Float32Array:
        return np.asarray(engine.run(image=_to_unit(square))["framing"][0], np.float32)

    return read if spec.reads_framing else None


def _to_unit(square: UInt8Array) -> Float32Array:
    """[side, side, 3] uint8 to [1, 3, side, side] float32 in [-1, 1]."""
    image = np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32)
    return ((image / np.float32(255) - np.float32(0.5)) / np.float32(0.5)).astype(np.float32)


def _bounded(picture: UInt8Array) -> UInt8Array:
    """The picture with its longer side at most LARGEST_SIDE_PX, so that what follows stays cheap."""
    height_px, width_px = picture.shape[:2]
    scale = LARGEST_SIDE_PX / max(height_px, width_px)
    if scale >= 1:
        return picture
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
