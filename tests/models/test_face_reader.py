"""The reader's second look is cut about the lips and eyes that the first found, upright, and learns from the start."""

import math

import pytest
import torch

from models.autoencoder_config import AutoencoderConfig
from models.face_reader import NUM_SHAPE_POINTS, SHAPE_SPREAD, FaceReader

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
