"""Motion of whole clips drawn window by window, as a stream is served, from the networks in training.

In:  sound, what noise to start from, how windows are cut.  Out: basis coefficients of every frame
"""

import torch
from torch import Tensor

from models.flow_transformer import Condition
from training.flow_matching import euler
from training.speech_to_motion import SpeechToMotion


@torch.no_grad()
def roll(
    model: SpeechToMotion,
    basis: Tensor,
    condition: Condition,
    noise: Tensor,
    cut: tuple[int, int],
    num_points: int = 10,
) -> Tensor:
    """Draw a batch of streams without guidance.

    basis: [D, M]; noise: [B, F, D], a row for each frame of the stream
    condition: its audio [B, F, A] is that of the whole stream; what it carries over comes before the first frame
    cut: new frames that a window keeps, and those after them that it only looks at
    returns [B, F, M]
    """
    hop, lookahead = cut
    num_frames, num_carried = condition.audio.shape[1], condition.carried_motion.shape[1]
    audio = torch.cat([condition.carried_audio, condition.audio], 1)
    motion = condition.carried_motion
    for start in range(0, num_frames, hop):
        num_new = min(hop + lookahead, num_frames - start)
        window = Condition(
            audio=condition.audio[:, start : start + num_new],
            carried_motion=motion[:, -num_carried:],
            carried_audio=audio[:, start : start + num_carried],
            reference=condition.reference,
            emotion=condition.emotion,
        )

        def field(x: Tensor, moment: float, window: Condition = window) -> Tensor:
            # Only the transformer: in bfloat16 the sound, the noise and their sums would lose what matters.
            with torch.autocast(x.device.type, torch.bfloat16):
                velocity = model.fmt.evaluate(x, torch.full((x.shape[0],), moment, device=x.device), window)
            return velocity[:, num_carried:].float()

        drawn = euler(field, noise[:, start : start + num_new], num_points)
        motion = torch.cat([motion, drawn[:, : min(hop, num_new)]], 1)
    return motion[:, num_carried:] @ basis
