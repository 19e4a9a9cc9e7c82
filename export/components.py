"""The components as they are exported: named tensors in the order of contract/spec.py, constants baked.

In:  networks with their weights
Out: modules whose forward takes and gives the tensors of one component's signature
"""

from torch import Tensor, nn

from models.audio_encoder import MelAudioEncoder, SoundStatistics, Wav2Vec2AudioEncoder, normalise
from models.emotion_classifier import EmotionClassifier
from models.flow_transformer import Condition, FlowTransformer
from models.frame_decoder import CompositeHead, RgbHead
from models.guided_flow import GuidedFlow
from models.motion_autoencoder import MotionAutoencoder


class PortraitEncoderComponent(nn.Module):
    """A picture to all that is kept of it. The finest map leaves as the RGB head's three channels."""

    def __init__(self, autoencoder: MotionAutoencoder) -> None:
        super().__init__()
        autoencoder.dec.direction.bake()
        self.autoencoder = autoencoder

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        head, reader = self.autoencoder.dec.to_rgbs[-1], self.autoencoder.enc.reader
        assert isinstance(head, RgbHead | CompositeHead)
        if reader is None:
            identity, coefficients, motion, features = self.autoencoder.encode(image)
            return identity, coefficients, motion, *features[:-1], head.project(features[-1])
        reading = reader(image)
        identity, features = self.autoencoder.enc.appearance(image, reading.shape)
        motion = self.autoencoder.dec.direction(reading.motion)
        found = identity, reading.motion, motion, *features[:-1], head.project(features[-1]), reading.framing
        return (*found, reading.face) if self.autoencoder.dec.anchor_motion is not None else found


class FrameDecoderComponent(nn.Module):
    """Identity, motion and what else is kept of the portrait, its pyramid and what was read of its face, to a frame."""

    def __init__(self, autoencoder: MotionAutoencoder) -> None:
        super().__init__()
        autoencoder.dec.direction.bake()
        self.decoder = autoencoder.dec

    def forward(self, identity_latent: Tensor, motion_latent: Tensor, *portrait: Tensor) -> Tensor:
        num_levels = self.decoder.config.num_levels
        features, face = list(portrait[:num_levels]), portrait[num_levels:]
        frame: Tensor = self.decoder(identity_latent, motion_latent, features, *face, finest_projected=True)
        return frame


class FlowTransformerComponent(nn.Module):
    """One guided evaluation of the new frames."""

    def __init__(self, transformer: FlowTransformer) -> None:
        super().__init__()
        self.guided = GuidedFlow(transformer)

    def forward(
        self,
        noisy_motion: Tensor,
        audio_features: Tensor,
        carried_motion: Tensor,
        carried_audio: Tensor,
        reference_motion: Tensor,
        emotion: Tensor,
        time: Tensor,
        audio_guidance: Tensor,
        emotion_guidance: Tensor,
    ) -> Tensor:
        condition = Condition(audio_features, carried_motion, carried_audio, reference_motion, emotion)
        velocity: Tensor = self.guided(noisy_motion, time, condition, audio_guidance, emotion_guidance)
        return velocity


class AudioEncoderComponent(nn.Module):
    """A stretch of sound to the features of the frames in its middle."""

    def __init__(self, encoder: MelAudioEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pcm: Tensor) -> Tensor:
        features: Tensor = self.encoder(pcm)
        return features


class Wav2Vec2AudioEncoderComponent(nn.Module):
    """Normalised sound of any length, and the statistics it is normalised by, to a feature for each of its frames."""

    def __init__(self, encoder: Wav2Vec2AudioEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pcm: Tensor, window_mean: Tensor, window_root: Tensor) -> Tensor:
        features: Tensor = self.encoder(pcm, SoundStatistics(window_mean, window_root))
        return features


class EmotionClassifierComponent(nn.Module):
    """Sound of any length, as it is, to seven probabilities."""

    def __init__(self, classifier: EmotionClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pcm: Tensor) -> Tensor:
        emotion: Tensor = self.classifier(normalise(pcm))
        return emotion
