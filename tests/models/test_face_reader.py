"""The reader's second look is cut about the lips and eyes that the first found, upright, and learns from the start."""

import math

import pytest
import torch

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig
from models.face_reader import NUM_SHAPE_POINTS, SHAPE_SPREAD, FaceReader, views

SMALL = AutoencoderConfig(channels=(8, 8, 8, 8, 8), latent_dim=8, num_motion_directions=3, reads_apart=True)
LIPS, LEFT_EYE, RIGHT_EYE = (0, 52), (93, 126), (126, 159)  # first row and the one after the last


def reader_of(points: dict[tuple[int, int], tuple[float, float]]) -> tuple[FaceReader, torch.Tensor]:
    """A reader, and the shape that has points at the given places of a picture."""
    reader = FaceReader(SMALL).eval()
    places = reader.usual.clone()
    for (first, end), place in points.items():
        places[first:end] = torch.tensor(place)
    return reader, ((places - reader.usual) / SHAPE_SPREAD).reshape(1, -1)


def spot(places: list[tuple[float, float]], side_px: int = 256) -> torch.Tensor:
    """A dark picture with a bright spot at each place."""
    y, x = torch.meshgrid(*[(torch.arange(side_px) + 0.5) / side_px] * 2, indexing="ij")
    bright = [torch.exp(-((x - right) ** 2 + (y - down) ** 2) / 0.0004) for right, down in places]
    return torch.stack(bright).sum(0).expand(1, 3, -1, -1)


def middle_of_light(part: torch.Tensor) -> tuple[float, float]:
    """Where the light of a part lies, -1 to 1 along both axes."""
    light = part[0, 0] / part[0, 0].sum()
    x, y = torch.linspace(-1, 1, part.shape[-1]), torch.linspace(-1, 1, part.shape[-2])
    return float((light.sum(0) * x).sum()), float((light.sum(1) * y).sum())


@pytest.mark.parametrize("tilt", [0.0, 0.4, -0.3])
def test_lips_and_eyes_are_in_the_middle_of_the_second_look_and_upright(tilt: float) -> None:
    across = math.cos(tilt), math.sin(tilt)
    lips = 0.5, 0.7
    left, right = ((0.5 + sign * 0.15 * across[0], 0.4 + sign * 0.15 * across[1]) for sign in (-1, 1))
    reader, shape = reader_of({LIPS: lips, LEFT_EYE: left, RIGHT_EYE: right})
    for number, place in enumerate((lips, left, right)):
        part = reader.close_ups(spot([place]), shape)[number]
        assert middle_of_light(part) == pytest.approx((0, 0), abs=0.02)
    # What lies beside the lips along the line of the eyes lies level beside them.
    beside = lips[0] + 0.1 * across[0], lips[1] + 0.1 * across[1]
    right_of_middle, below_middle = middle_of_light(reader.close_ups(spot([beside]), shape)[0])
    assert right_of_middle == pytest.approx(0.5, abs=0.03) and below_middle == pytest.approx(0, abs=0.03)


def test_at_first_the_second_look_says_what_the_first_did_and_learns_all_the_same() -> None:
    torch.manual_seed(0)
    reader = FaceReader(SMALL)
    first, second = reader.looks(torch.rand(4, 3, 64, 64))
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)
    (second.motion.square().sum() + second.shape.square().sum()).backward()
    gradients = [layer.weight.grad for layer in (reader.more_motion, reader.more_shape)]
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


def test_where_the_second_look_is_cut_is_not_learned() -> None:
    reader, shape = reader_of({LIPS: (0.5, 0.7), LEFT_EYE: (0.4, 0.4), RIGHT_EYE: (0.6, 0.4)})
    shape.requires_grad_()
    assert not any(part.requires_grad for part in reader.close_ups(torch.rand(1, 3, 64, 64), shape))


def test_the_usual_places_are_part_of_what_is_kept() -> None:
    reader = FaceReader(SMALL)
    assert reader.state_dict()["usual"].shape == (NUM_SHAPE_POINTS, 2)


@pytest.fixture
def mirroring() -> FaceReader:
    """A reader that knows of mirrors: points in pairs, the first one alone; motions that turn or not by turns."""
    torch.manual_seed(0)
    reader = FaceReader(EMBEDDED_AUTOENCODER).eval()
    with torch.no_grad():
        reader.more_shape.weight.normal_(0, 0.05)
        reader.to_framing.bias.normal_()
        pairs = torch.arange(NUM_SHAPE_POINTS) ^ 1
        pairs[:2] = -1
        reader.mirrored.copy_(pairs)
        reader.turned[::2] = -1
        # Pairs lie on either side of the middle.
        reader.usual[2:, 0] = torch.where(torch.arange(2, NUM_SHAPE_POINTS) % 2 == 0, 0.3, 0.7)
    return reader


def test_views_are_the_picture_moved_with_its_edges_drawn_out() -> None:
    image = torch.rand(2, 3, 32, 32)
    still, right, left, down, up = views(image).split(2)
    assert torch.equal(still, image)
    assert torch.equal(right[..., 3:], image[..., :-3]) and torch.equal(
        right[..., :3], image[..., :1].expand(-1, -1, -1, 3)
    )
    assert torch.equal(left[..., :-3], image[..., 3:])
    assert torch.equal(down[..., 3:, :], image[..., :-3, :]) and torch.equal(up[..., :-3, :], image[..., 3:, :])


@torch.inference_mode()
def test_what_is_read_is_the_mean_over_all_views_each_brought_back(mirroring: FaceReader) -> None:
    image = torch.rand(1, 3, 256, 256) * 2 - 1
    read = mirroring(image)
    assert [tuple(each.shape) for each in read] == [(1, 15), (1, 3), (1, 2 * NUM_SHAPE_POINTS)]
    plain = [mirroring.looks(view[None])[1] for view in views(image)]
    turned = [mirroring.looks(view[None].flip(3))[1] for view in views(image)]
    motion = torch.stack([*(each.motion for each in plain), *(each.motion * mirroring.turned for each in turned)])
    assert torch.allclose(read.motion, motion.mean(0), atol=1e-5)
    middles = torch.stack([each.framing for each in plain + turned])[:, 0]
    middles[5:, 0] *= -1
    # The moves cancel in the mean: as much to the left as to the right.
    assert torch.allclose(read.framing, middles.mean(0), atol=1e-6)


@torch.inference_mode()
def test_a_mirrored_picture_is_read_as_the_mirrored_face(mirroring: FaceReader) -> None:
    image = torch.rand(1, 3, 256, 256) * 2 - 1
    here, there = mirroring(image), mirroring(image.flip(3))
    assert torch.allclose(there.motion, here.motion * mirroring.turned, atol=1e-4)
    assert torch.allclose(there.framing, here.framing * torch.tensor([-1.0, 1.0, 1.0]), atol=1e-5)
    points, mirrored = (
        (mirroring.usual + SHAPE_SPREAD * each.shape.reshape(NUM_SHAPE_POINTS, 2))[2:] for each in (here, there)
    )
    assert torch.allclose(mirrored[:, 0], 1 - points[torch.arange(238) ^ 1, 0], atol=1e-5)
    assert torch.allclose(mirrored[:, 1], points[torch.arange(238) ^ 1, 1], atol=1e-5)
