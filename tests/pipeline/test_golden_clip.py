"""A whole clip, through the pipeline's own stages with the official audio encoder: the released program's numbers."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, SpeechChunk
from contract.spec import AvatarSpec, ComponentName
from engines.base import Array
from export.components import FlowTransformerComponent, Wav2Vec2AudioEncoderComponent
from models.audio_encoder import Wav2Vec2AudioEncoder, normalise, pad_to_frames
from models.flow_transformer import Condition, FlowConfig, FlowTransformer
from pipeline.audio_features import FrameGroups
from pipeline.conditions import ClipConditions, Conditions, emotion_vector
from pipeline.motion_noise import frame_noise
from pipeline.motion_sampler import MotionSampler, WindowSettings
from tests.fakes import FakeEngine
from tests.golden import arrays, fill, relative_error, weights

NUM_FRAMES = 60
SEED = 5
SPEC = AvatarSpec(
    image_size_px=512,
    latent_dim=16,
    num_motion_directions=20,
    audio_feature_dim=512,
    pyramid_channels=(512, 512, 512, 256, 128, 64, 32),
    audio_context_frames=100,
    audio_statistics=True,
)
PAPER = WindowSettings(hop_frames=50, lookahead_frames=0, euler_points=10, audio_guidance=2.0, emotion_guidance=1.0)


def torch_engine(name: ComponentName, component: nn.Module) -> FakeEngine:
    signature = SPEC.signature(name)

    @torch.inference_mode()
    def evaluate(inputs: dict[str, Array]) -> dict[str, Array]:
        tensors = {key: torch.from_numpy(np.array(array)) for key, array in inputs.items()}
        return {signature.outputs[0].name: component(*(tensors[tensor.name] for tensor in signature.inputs)).numpy()}

    return FakeEngine(signature, evaluate)


@pytest.fixture(scope="module")
def encoder() -> Wav2Vec2AudioEncoder:
    network = Wav2Vec2AudioEncoder(Wav2Vec2Model(Wav2Vec2Config()))
    fill(network, "audio_encoder.")
    return network


def chunks(pcm: np.ndarray) -> list[SpeechChunk]:
    """As a file is cut: the last chunk filled up with silence."""
    padded = np.pad(pcm, (0, -len(pcm) % SAMPLES_PER_FRAME)).reshape(-1, SAMPLES_PER_FRAME)
    return [SpeechChunk(i, each, np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)) for i, each in enumerate(padded)]


def test_features_of_a_whole_clip_are_the_released_programs(encoder: Wav2Vec2AudioEncoder) -> None:
    pcm = weights.waveform()
    conditions = ClipConditions(torch_engine("audio_encoder", Wav2Vec2AudioEncoderComponent(encoder)), SPEC, pcm)
    frames = [frame for chunk in chunks(pcm) for frame in conditions.push(chunk)]
    found = np.stack([frame.audio_features for frame in frames])[None]
    assert relative_error(found, arrays("audio")["wa"]) < 1e-5


def test_a_microphones_level_and_offset_leave_the_features_as_they_are(encoder: Wav2Vec2AudioEncoder) -> None:
    pcm = 0.05 * weights.waveform() + np.float32(0.1)
    conditions = ClipConditions(torch_engine("audio_encoder", Wav2Vec2AudioEncoderComponent(encoder)), SPEC, pcm)
    frames = [frame for chunk in chunks(pcm) for frame in conditions.push(chunk)]
    assert relative_error(np.stack([f.audio_features for f in frames])[None], arrays("audio")["wa"]) < 1e-3


@torch.inference_mode()
def test_motion_of_a_whole_clip_is_that_of_the_plain_computation(encoder: Wav2Vec2AudioEncoder) -> None:
    torch.manual_seed(0)
    flow = FlowTransformer(FlowConfig(latent_dim=16, hidden_dim=64, depth=2, num_heads=4)).eval()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.2)
    pcm, reference = weights.waveform(), np.linspace(-1, 1, 16, dtype=np.float32)[None]
    engine = torch_engine("flow_transformer", FlowTransformerComponent(flow)).bind(reference_motion=reference)
    conditions = ClipConditions(
        torch_engine("audio_encoder", Wav2Vec2AudioEncoderComponent(encoder)), SPEC, pcm, "happy"
    )
    sampler = MotionSampler(engine, SPEC, PAPER, SEED)
    drawn = [motion for chunk in chunks(pcm) for frame in conditions.push(chunk) for motion in sampler.push(frame)]
    found = np.stack([each.motion_latent for each in drawn + sampler.flush()])

    # The same in the words of the paper: windows of 50, Euler's method over ten time points, ten frames carried over.
    audio = encoder(pad_to_frames(normalise(torch.from_numpy(pcm)[None])))  # [1, 60, 512]
    carried_motion, carried_audio = torch.zeros(1, 10, 16), torch.zeros(1, 10, 512)
    expected = []
    for start in range(0, NUM_FRAMES, 50):
        window = audio[:, start : start + 50]
        num_own = window.shape[1]
        window = torch.cat([window, window[:, -1:].expand(-1, 50 - num_own, -1)], 1)
        condition = Condition(
            window,
            carried_motion,
            carried_audio,
            torch.from_numpy(reference),
            torch.from_numpy(emotion_vector("happy"))[None],
        )
        x = torch.from_numpy(frame_noise(SEED, start, 50, 16))[None]
        times = torch.linspace(0, 1, 10)
        for i in range(9):
            velocity = flow.guided(x, times[i : i + 1], condition, torch.tensor([2.0]), torch.tensor([1.0]))
            x = x + (times[i + 1] - times[i]) * velocity[:, 10:]
        expected.append(x[0, :num_own].numpy())
        carried_motion, carried_audio = x[:, :num_own][:, -10:], window[:, :num_own][:, -10:]
    assert relative_error(found, np.concatenate(expected)) < 1e-4


def test_rolling_features_with_all_of_the_sound_around_come_near_the_whole_clips(encoder: Wav2Vec2AudioEncoder) -> None:
    """What is left of the difference is what the stream takes speech to be before it has heard enough of it."""
    pcm = np.tile(weights.waveform(), 2)
    engine = torch_engine("audio_encoder", Wav2Vec2AudioEncoderComponent(encoder))
    whole = ClipConditions(engine, SPEC, pcm)
    rolling = Conditions(engine, SPEC, groups=FrameGroups(100, 10))
    expected = np.stack([frame.audio_features for chunk in chunks(pcm) for frame in whole.push(chunk)])
    found = np.stack(
        [f.audio_features for chunk in chunks(pcm) for f in rolling.push(chunk)]
        + [f.audio_features for f in rolling.flush()]
    )
    assert np.isfinite(found).all()
    last = slice(len(expected) - 5, len(expected))
    drift = np.sqrt(np.square(found[last] - expected[last]).mean() / np.square(expected - expected.mean(0)).mean())
    assert drift < 0.3
