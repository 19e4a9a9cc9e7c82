"""The networks of phase 2 as one module."""

from torch import nn

from models.audio_encoder import MelAudioConfig, MelAudioEncoder
from models.flow_transformer import Block, FlowConfig, FlowTransformer
from training.visemes import MOUTH_COLUMNS

MOUTH = list(MOUTH_COLUMNS)


class SpeechToMotion(nn.Module):
    """What phase 2 trains: audio encoder, flow transformer, and the reading of the mouth beside them."""

    def __init__(self, audio: MelAudioConfig, flow: FlowConfig) -> None:
        super().__init__()
        self.audio_encoder = MelAudioEncoder(audio)
        self.fmt = FlowTransformer(flow)
        self.mouth = nn.Linear(audio.audio_feature_dim, len(MOUTH))


def start_still(transformer: FlowTransformer) -> None:
    """Zero the gates and the head, as DiT begins: each block is the identity at first."""
    for block in transformer.blocks:
        assert isinstance(block, Block)
        gates = block.adaLN_modulation[1]
        assert isinstance(gates, nn.Linear)
        nn.init.zeros_(gates.weight)
        nn.init.zeros_(gates.bias)
    last = transformer.decoder.adaLN_modulation[1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    nn.init.zeros_(transformer.decoder.linear.weight)
    nn.init.zeros_(transformer.decoder.linear.bias)
