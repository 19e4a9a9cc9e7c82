"""What phase 1 does to its networks before and between steps: how they begin, what is trained, and how fast.

In:  the auto-encoder of `Phase1`, or its folder
Out: the same, ready
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.autoencoder_config import AutoencoderConfig
from models.checkpoint import load_checkpoint, load_parameters
from models.face_reader import FaceReader
from models.frame_decoder import CompositeHead, FlowHead
from models.motion_autoencoder import MotionAutoencoder

_FIRST_FLOW_SPREAD = 0.03
_FIRST_MASK_BIAS = 1.0
_DENSE_SHARE = 0.4


def open_reader(path: Path, config: AutoencoderConfig, device: str) -> FaceReader | None:
    """The reader that a checkpoint of `Reading` holds, None where there is none yet; raises BundleError."""
    if not config.reads_apart or not path.exists():
        return None
    reader = FaceReader(config).to(device).eval().requires_grad_(False)
    load_parameters(reader, load_checkpoint(path, needs=("model",))["model"], str(path))
    return reader


def train_above(model: MotionAutoencoder, settled_px: int) -> None:
    """Let levels of the decoder up to this size, and the encoder, stay as they are; 0 trains everything."""
    num_settled = max(0, (settled_px // 4).bit_length() - 1)
    decoder = model.dec
    settled: list[nn.Module] = []
    if num_settled:
        settled = [model.enc, decoder.input, decoder.conv1, *decoder.convs[: 2 * num_settled]]
        settled += [*decoder.to_flows[:num_settled], *decoder.to_rgbs[:num_settled]]
        settled += [] if decoder.template is None else [decoder.template]
    stay = {id(parameter) for module in settled for parameter in module.parameters()}
    stay.add(id(decoder.direction.weight))
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) not in stay)


def parameter_groups(model: MotionAutoencoder) -> list[dict[str, Any]]:
    """What is trained, and each group's share of the learning rate.

    Weights that are scaled outside of the optimiser are about 1 whatever their layer, and bear larger steps.
    """
    dense = {id(p) for layer in model.modules() if isinstance(layer, nn.Linear) for p in layer.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if id(p) not in dense], "share": 1.0},
        {"params": [p for p in trained if id(p) in dense], "share": _DENSE_SHARE},
    ]


@torch.no_grad()
def start_from_the_portrait(model: MotionAutoencoder) -> None:
    """Let the untrained decoder show the portrait as it is: a flow near zero, an open mask, no detail of its own.

    Random flow heads scatter the portrait's features, and hundreds of steps go by until it is found again.
    """
    for head in model.dec.to_flows:
        assert isinstance(head, FlowHead)
        head.conv.weight.mul_(_FIRST_FLOW_SPREAD)
        head.bias[:, 2] = _FIRST_MASK_BIAS
    if isinstance(model.dec.to_rgbs[-1], CompositeHead):
        model.dec.to_rgbs[-1].detail.weight.zero_()
