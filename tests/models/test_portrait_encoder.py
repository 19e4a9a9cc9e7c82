"""The encoder reads motion from the identity latent as FLOAT does, or by a reader of its own, and framing with it."""

from dataclasses import replace

import pytest
import torch

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.face_reader import NUM_SHAPE_POINTS, FaceReader, Refinement
from models.motion_autoencoder import MotionAutoencoder
from models.portrait_encoder import PortraitEncoder

SMALL = AutoencoderConfig(channels=(8, 8, 8, 8), latent_dim=8, num_motion_directions=3, reads_apart=True)


def names_of(encoder: PortraitEncoder) -> set[str]:
    """First parts of its parameters' names."""
    return {name.split(".")[0] for name, _ in encoder.named_parameters()}


@pytest.mark.parametrize("side_px", [32, 64, 256])
def test_a_reader_gives_motion_framing_and_shape_at_every_size(side_px: int) -> None:
    channels = (8,) * (side_px.bit_length() - 2)
    reader = FaceReader(replace(SMALL, channels=channels)).eval()
    with torch.inference_mode():
        reading = reader(torch.rand(2, 3, side_px, side_px))
    assert reading.motion.shape == (2, 3) and reading.framing.shape == (2, 3)
    assert reading.shape.shape == (2, 2 * NUM_SHAPE_POINTS)


def test_framing_of_one_unit_is_a_tenth_of_the_picture() -> None:
    """What the last layer gives has about the spread of what motion is read in, a square's place is far less."""
    reader = FaceReader(SMALL).eval()
    with torch.inference_mode():
        for layer in (reader.to_motion, reader.to_framing, reader.to_shape):
            layer.weight.zero_()
            layer.bias.fill_(1)
        reading = reader.looks(torch.rand(1, 3, 32, 32))[1]
    assert reading.motion.tolist() == [[1, 1, 1]] and (reading.shape == 1).all()
    assert reading.framing[0].tolist() == pytest.approx([0.1, 0.1, 0.1])


def test_a_reader_takes_the_place_of_the_linear_map() -> None:
    assert names_of(PortraitEncoder(replace(SMALL, reads_apart=False))) == {"net_app", "fc"}
    assert names_of(PortraitEncoder(SMALL)) == {"net_app", "reader", "from_shape"}
    assert names_of(PortraitEncoder(SMALL, with_reader=False)) == {"net_app", "from_shape"}
    # Without one that stands apart there is none to leave out.
    assert names_of(PortraitEncoder(replace(SMALL, reads_apart=False), with_reader=False)) == {"net_app", "fc"}
    assert EMBEDDED_AUTOENCODER.reads_apart and not AutoencoderConfig().reads_apart


@torch.inference_mode()
def test_the_encoder_gives_what_its_reader_reads() -> None:
    autoencoder = MotionAutoencoder(SMALL).eval()
    assert autoencoder.enc.from_shape is not None
    autoencoder.enc.from_shape.weight.normal_()
    picture = torch.rand(2, 3, 32, 32)
    identity, coefficients, motion, features = autoencoder.encode(picture)
    reader = autoencoder.enc.reader
    assert reader is not None
    reading = reader(picture)
    assert torch.equal(coefficients, reading.motion)
    assert torch.equal(identity, autoencoder.enc.appearance(picture, reading.shape)[0])
    assert torch.equal(motion, autoencoder.dec.direction(coefficients))
    assert identity.shape == (2, 8) and [feature.shape[-1] for feature in features] == [8, 16, 32]


def test_no_gradient_goes_from_reading_to_appearance() -> None:
    encoder = PortraitEncoder(SMALL)
    _, coefficients, _ = encoder(torch.rand(2, 3, 32, 32))
    coefficients.square().sum().backward()
    assert all(parameter.grad is None for parameter in encoder.net_app.parameters())
    assert encoder.reader is not None
    unread = {name for name, parameter in encoder.reader.named_parameters() if parameter.grad is None}
    assert unread == {
        f"{layer}.{kind}" for layer in ("to_framing", "to_shape", "more_shape") for kind in ("weight", "bias")
    }


@torch.inference_mode()
def test_a_shape_says_nothing_until_it_is_learned_what_it_means() -> None:
    torch.manual_seed(0)
    encoder = PortraitEncoder(SMALL).eval()
    picture, shape = torch.rand(2, 3, 32, 32), torch.randn(2, 2 * NUM_SHAPE_POINTS)
    assert encoder.from_shape is not None
    without, maps = encoder.net_app(picture)
    assert torch.equal(encoder.appearance(picture, shape)[0], without)
    encoder.from_shape.weight.normal_()
    latent, same_maps = encoder.appearance(picture, shape)
    assert all(torch.equal(one, other) for one, other in zip(maps, same_maps, strict=True))
    # So many inputs of unit spread through weights of unit spread move the latent by about one.
    assert 0.4 < float((latent - without).std()) < 2
    assert torch.allclose(encoder.appearance(picture, 2 * shape)[0] - without, 2 * (latent - without), atol=1e-5)
    # The same face with no points out of their usual place is the picture's alone.
    assert torch.equal(encoder.appearance(picture, torch.zeros_like(shape))[0], without)


def test_float_reads_no_shape_and_an_encoder_that_does_asks_for_it() -> None:
    plain = PortraitEncoder(replace(SMALL, reads_apart=False)).eval()
    picture = torch.rand(1, 3, 32, 32)
    assert plain.from_shape is None
    with torch.inference_mode():
        assert torch.equal(plain.appearance(picture)[0], plain(picture)[0])
        with pytest.raises(AssertionError, match="needs the shape"):
            PortraitEncoder(SMALL).eval().appearance(picture)


def test_a_refinement_adds_nothing_at_first_and_learns_from_there() -> None:
    torch.manual_seed(0)
    refinement, features = Refinement(4), torch.rand(4, 4, 8, 8)
    wanted = features + torch.relu(torch.rand(1, 4, 1, 1) - features)
    assert torch.equal(refinement(features), features)
    optimizer = torch.optim.Adam(refinement.parameters(), 0.02)
    errors = []
    for _ in range(60):
        loss = (refinement(features) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(float(loss.detach()))
    assert errors[-1] < 0.7 * errors[0]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in refinement.parameters())
