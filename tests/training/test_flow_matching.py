"""Flow matching in closed form."""

import torch

from training.flow_matching import euler, flow_matching_loss, straight_path


def test_the_path_runs_straight_from_noise_to_motion():
    noise, motion = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    for moment in (0.0, 0.25, 1.0):
        x, velocity = straight_path(noise, motion, torch.full((2,), moment))
        assert torch.allclose(x, noise + moment * velocity, atol=1e-6)
        assert torch.allclose(velocity, motion - noise)


def test_walking_the_target_velocity_returns_the_motion():
    noise, motion = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    assert torch.allclose(euler(lambda x, time: motion - noise, noise, 10), motion, atol=1e-5)


def test_a_linear_field_is_walked_in_nine_steps():
    x = torch.ones(1, 1, 1)
    assert torch.allclose(euler(lambda x, time: x, x, 10), torch.full((1, 1, 1), (1 + 1 / 9) ** 9))


def test_the_loss_is_zero_at_the_target_and_sees_jitter():
    target = torch.randn(2, 6, 3)
    assert flow_matching_loss(target, target) == 0
    shifted, jittering = target + 0.1, target + 0.1 * torch.tensor([1.0, -1.0]).repeat(3)[None, :, None]
    # The same squared error, but one of them trembles along the frames.
    assert flow_matching_loss(jittering, target) > 4 * flow_matching_loss(shifted, target)


def test_where_windows_join_an_error_counts_more():
    target = torch.zeros(1, 6, 1)

    def loss_with_error_at(frame: int) -> float:
        velocity = target.clone()
        velocity[:, frame] = 0.6
        return float(flow_matching_loss(velocity, target, follows=True))

    # 0.36 / 6 for the frame, and again for each of the two steps beside it; the step into a window counts twelve
    # times, its end thrice.
    assert abs(loss_with_error_at(2) - 0.06 * 3) < 1e-6
    assert abs(loss_with_error_at(0) - 0.06 * (1 + 12 + 1)) < 1e-6
    assert abs(loss_with_error_at(5) - 0.06 * (3 + 3)) < 1e-6
