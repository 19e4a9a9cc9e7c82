"""The encoder reads motion from the identity latent as FLOAT does, or by a reader of its own, and framing with it."""

from dataclasses import replace

import pytest
import torch

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.motion_autoencoder import MotionAutoencoder
from models.portrait_encoder import FaceReader, PortraitEncoder

SMALL = AutoencoderConfig(channels=(8, 8, 8, 8), latent_dim=8, num_motion_directions=3, reads_apart=True)


def names_of(encoder: PortraitEncoder) -> set[str]:
    """First parts of its parameters' names."""
    return {name.split(".")[0] for name, _ in encoder.named_parameters()}


@pytest.mark.parametrize("side_px", [32, 64, 256])
def test_a_reader_gives_motion_and_framing_at_every_size(side_px: int) -> None:
    channels = (8,) * (side_px.bit_length() - 2)
    reader = FaceReader(replace(SMALL, channels=channels)).eval()
    with torch.inference_mode():
        coefficients, framing = reader(torch.rand(2, 3, side_px, side_px))
    assert coefficients.shape == (2, 3) and framing.shape == (2, 3)


def test_framing_of_one_unit_is_a_tenth_of_the_picture() -> None:
    """What the last layer gives has about the spread of what motion is read in, a square's place is far less."""
    reader = FaceReader(SMALL).eval()
    with torch.inference_mode():
        for layer in (reader.to_motion, reader.to_framing):
            layer.weight.zero_()
            layer.bias.fill_(1)
        coefficients, framing = reader(torch.rand(1, 3, 32, 32))
    assert coefficients.tolist() == [[1, 1, 1]]
    assert framing[0].tolist() == pytest.approx([0.1, 0.1, 0.1])


def test_a_reader_takes_the_place_of_the_linear_map() -> None:
    assert names_of(PortraitEncoder(replace(SMALL, reads_apart=False))) == {"net_app", "fc"}
    assert names_of(PortraitEncoder(SMALL)) == {"net_app", "reader"}
    assert names_of(PortraitEncoder(SMALL, with_reader=False)) == {"net_app"}
    # Without one that stands apart there is none to leave out.
    assert names_of(PortraitEncoder(replace(SMALL, reads_apart=False), with_reader=False)) == {"net_app", "fc"}
    assert EMBEDDED_AUTOENCODER.reads_apart and not AutoencoderConfig().reads_apart


@torch.inference_mode()
def test_the_encoder_gives_what_its_reader_reads() -> None:
    autoencoder = MotionAutoencoder(SMALL).eval()
    picture = torch.rand(2, 3, 32, 32)
    identity, coefficients, motion, features = autoencoder.encode(picture)
    reader = autoencoder.enc.reader
    assert reader is not None
    assert torch.equal(coefficients, reader(picture)[0])
    assert torch.equal(motion, autoencoder.dec.direction(coefficients))
    assert identity.shape == (2, 8) and [feature.shape[-1] for feature in features] == [8, 16, 32]


def test_no_gradient_goes_from_reading_to_appearance() -> None:
    encoder = PortraitEncoder(SMALL)
    _, coefficients, _ = encoder(torch.rand(2, 3, 32, 32))
    coefficients.square().sum().backward()
    assert all(parameter.grad is None for parameter in encoder.net_app.parameters())
    assert encoder.reader is not None
    unread = {name for name, parameter in encoder.reader.named_parameters() if parameter.grad is None}
    assert unread == {"to_framing.weight", "to_framing.bias"}
