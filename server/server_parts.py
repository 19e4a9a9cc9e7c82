"""What all sessions of a server share."""

from dataclasses import dataclass

from pipeline.avatar import Avatar, StreamSettings
from server.clock import Clock
from server.config import ServerConfig
from server.metrics import Metrics
from server.render_worker import RenderWorker
from server.startup_profile import ProfileChoice


@dataclass(slots=True)
class ServerParts:
    """Made once, in `server.app`.

    choice: what streams are drawn with; None until the avatar is warm, before which there are none
    """

    config: ServerConfig
    clock: Clock
    avatar: Avatar
    worker: RenderWorker
    metrics: Metrics
    choice: ProfileChoice | None = None

    @property
    def stream_settings(self) -> StreamSettings:
        """What each session's stream is started with."""
        assert self.choice is not None, "sessions are taken once the profile is chosen"
        return self.config.stream_settings(self.choice.profile)
