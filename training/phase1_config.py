"""The recipe of phase 1's auto-encoder: stages of growing size, weights of the losses."""

from dataclasses import dataclass, field

from models.autoencoder_config import EMBEDDED_AUTOENCODER, AutoencoderConfig


@dataclass(frozen=True)
class Stage:
    """A part of the training at one size.

    region_weight: extra weight of mouth and eyes; too much too early keeps the warp from being learned
    falls: the learning rate falls to nothing along half a cosine
    looks_at_faces: most steps make the finest levels about the face alone, in half the time; from 256 px on
    settled_px: levels up to this size, and what is read of the portrait's appearance, stay as they are; a step takes
        three quarters of the time
    """

    driving_px: int
    num_steps: int
    learning_rate: float = 2e-3
    region_weight: float = 0.5
    falls: bool = False
    looks_at_faces: bool = False
    settled_px: int = 0


@dataclass(frozen=True)
class Phase1Config:
    """One run of phase 1."""

    autoencoder: AutoencoderConfig = EMBEDDED_AUTOENCODER
    stages: tuple[Stage, ...] = (
        Stage(64, 500, 3e-3, 0.5),
        Stage(128, 500, 2e-3, 1.0),
        Stage(128, 1500, 2e-3, 5.0),
        Stage(256, 8000, 2e-3, 5.0, falls=True, looks_at_faces=True),
        Stage(256, 2300, 2e-3, 5.0, falls=True, looks_at_faces=True, settled_px=32),
    )
    num_people: int = 6
    num_driving: int = 4
    warm_up_steps: int = 100
    structure_weight: float = 5.0
    beneath_weight: float = 0.5
    hidden_discount: float = 0.75
    mask_weight: float = 0.5
    flow_weight: float = 20.0
    average_decay: float = 0.995
    seed: int = 1
    num_workers: int = 1
    device: str = "cpu"
    save_every_s: float = 240.0
    autocast: bool = field(default=True)
