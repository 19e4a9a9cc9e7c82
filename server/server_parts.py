"""What all sessions of a server share."""

from dataclasses import dataclass

from pipeline.avatar import Avatar
from server.clock import Clock
from server.config import ServerConfig
from server.metrics import Metrics
from server.render_worker import RenderWorker


@dataclass(frozen=True, slots=True)
class ServerParts:
    """Made once, in `server.app`."""

    config: ServerConfig
    clock: Clock
    avatar: Avatar
    worker: RenderWorker
    metrics: Metrics
