"""The server's settings, read once: from the command line, else the environment (FLOAT_AVATAR_...), else these."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from contract.errors import ConfigError
from contract.spec import EMOTIONS, AvatarSpec
from pipeline.avatar import StreamSettings
from pipeline.profile import INTERACTIVE, Profile, find_profile

IceServer = Annotated[str, Field(pattern=r"^(stun|turn)s?:[^?:]+(:[0-9]+)?([?]transport=(udp|tcp))?$")]


def _known_emotion(name: str) -> str:
    if name not in EMOTIONS:
        raise ValueError(f"expected one of {', '.join(EMOTIONS)}")
    return name


class ServerConfig(BaseSettings):
    """Settings of `float-avatar serve`.

    bundle: folder of the avatar; None is the one that ships
    portrait: name of one of the bundle's, or a picture's path; None is the bundle's own choice
    crop: a picture's face is found and cut out; False takes its middle square as it is
    face_model: a YuNet file that finds faces in pictures; None is the detector inside OpenCV
    profile: of pipeline.profile, by its name; auto takes the fastest that the machine sustains
    hop_frames, lookahead_frames: in place of the profile's
    emotion: of every call; None is heard in the voice where the bundle can, else neutral
    max_sessions: calls at the same time; more get 503
    mark_clicks: pictures show which of them holds a click of the voice, for measuring
    cushion_frames: ticks a frame waits, at the beginning, against uneven rendering
    microphone_cushion_ms: sound kept back against uneven arrival
    connect_timeout_s: after this an offer whose peer never came is forgotten
    ice_servers: STUN and TURN addresses; none, since the usual peer is on this machine or its network
    allowed_origins: pages of other origins that may call
    max_body_bytes: largest offer or fragment
    """

    model_config = SettingsConfigDict(env_prefix="FLOAT_AVATAR_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    bundle: Path | None = None
    portrait: str | None = None
    crop: bool = True
    face_model: Path | None = None
    profile: Literal["auto", "interactive", "balanced", "paper"] = "auto"
    hop_frames: int | None = Field(default=None, ge=1)
    lookahead_frames: int | None = Field(default=None, ge=0)
    emotion: Annotated[str, AfterValidator(_known_emotion)] | None = None
    mark_clicks: bool = False
    max_sessions: int = Field(default=2, ge=1)
    cushion_frames: int = Field(default=1, ge=0)
    microphone_cushion_ms: int = Field(default=10, ge=0, le=200)
    connect_timeout_s: float = Field(default=15.0, gt=0)
    ice_servers: tuple[IceServer, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = Field(default=64 * 1024, ge=1024)

    @classmethod
    def read(cls, **given: Any) -> "ServerConfig":
        """Settings with those given (None = not given) over the environment's; raises ConfigError naming each fault."""
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, fault['loc'])) or 'settings'} {fault.get('input')!r}: {fault['msg']}"
                for fault in error.errors()
            ]
            raise ConfigError("; ".join(faults)) from error
        except SettingsError as error:
            raise ConfigError(f'{error}, expected JSON, for several values such as ["a", "b"]') from error

    @property
    def is_profile_measured(self) -> bool:
        """True where the machine decides: nothing else was asked for."""
        return self.profile == "auto" and self.hop_frames is None and self.lookahead_frames is None

    def asked_profile(self, spec: AvatarSpec) -> Profile:
        """The profile for a bundle as far as it was asked for; with auto the fastest, given numbers in its place."""
        named = (INTERACTIVE if self.profile == "auto" else find_profile(self.profile)).fitted(spec)
        if self.hop_frames is None and self.lookahead_frames is None:
            return named
        hop_frames = named.hop_frames if self.hop_frames is None else self.hop_frames
        lookahead_frames = named.lookahead_frames if self.lookahead_frames is None else self.lookahead_frames
        return Profile("custom", hop_frames, lookahead_frames)

    def stream_settings(self, profile: Profile) -> StreamSettings:
        """What each session's stream is started with."""
        return StreamSettings(profile.hop_frames, profile.lookahead_frames, emotion=self.emotion)
