"""The web application: its parts, made and ended in order.

start   patches -> engine thread -> choice of the profile and warm-up -> open for calls
stop    closed for calls -> sessions end -> engine thread ends
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from assembly.engine_times import EngineTimes, time_engines
from contract.errors import FloatAvatarError
from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, SpeechChunk
from pipeline.avatar import Avatar, StreamSettings
from pipeline.click_marks import MarkedAvatar
from pipeline.portrait import Portrait
from server import aiortc_patches
from server.admission import Admission
from server.clock import Clock, MonotonicClock
from server.config import ServerConfig
from server.cpu_times import CpuTimes
from server.metrics import Metrics
from server.pages import page_routes, portrait_routes
from server.portraits import PortraitGallery
from server.problems import problem, translate_errors
from server.render_worker import RenderWorker
from server.server_parts import ServerParts
from server.session_routes import session_routes
from server.signaling import EXPOSED, signaling_routes
from server.startup_profile import ProfileChoice, choose_profile

log = logging.getLogger(__name__)


def create_app(
    config: ServerConfig,
    avatar: Avatar,
    portraits: PortraitGallery,
    clock: Clock | None = None,
    on_open: Callable[[BaseException | None], None] = lambda failure: None,
) -> FastAPI:
    """The application around an open avatar; raises ConfigError where aiortc is not the one it was made for.

    on_open: told once that calls are taken, or why they will never be
    """
    aiortc_patches.install()
    clock = clock or MonotonicClock()
    metrics = Metrics()
    metrics.engine_info.info({"avatar": type(avatar).__name__, "picture_px": str(avatar.spec.image_size_px)})
    engine_times = EngineTimes(clock.now_s)
    time_engines(avatar, engine_times)
    metrics.registry.register(CpuTimes(engine_times))
    shown = MarkedAvatar(avatar) if config.mark_clicks else avatar
    parts = ServerParts(config, clock, shown, RenderWorker(clock, engine_times), metrics)
    admission = Admission(config.max_sessions, metrics)

    def on_warm(warming: asyncio.Task[None]) -> None:
        if warming.cancelled():
            return
        if failure := warming.exception():
            is_known = isinstance(failure, FloatAvatarError)
            log.error(
                "the avatar could not be warmed up, the server stays closed: %s",
                failure,
                exc_info=None if is_known else failure,
            )
        admission.is_open = failure is None
        on_open(failure)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts.worker.start()
        warming = asyncio.get_running_loop().create_task(warm_up_portrait(parts, portraits))
        warming.add_done_callback(on_warm)
        try:
            yield
        finally:
            warming.cancel()
            await admission.close_all()
            await asyncio.to_thread(parts.worker.stop)

    app = FastAPI(title="float-avatar", lifespan=lifespan, openapi_url=None)
    app.state.admission = admission
    app.state.parts = parts
    translate_errors(app)
    if config.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(config.allowed_origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE", "OPTIONS"],
            allow_headers=["Authorization", "Content-Type", "If-Match"],
            expose_headers=EXPOSED.split(", "),
        )
    _add_health(app, admission, parts)
    app.include_router(signaling_routes(parts, admission, portraits))
    app.include_router(session_routes(parts, admission))
    app.include_router(portrait_routes(portraits))
    app.include_router(page_routes())
    return app


async def warm_up_portrait(parts: ServerParts, portraits: PortraitGallery) -> None:
    """Choose the profile and run the avatar once, so that the first call does not pay for it."""
    config, avatar = parts.config, parts.avatar
    portrait = await portraits.prepare(portraits.find(None), avatar, parts.worker)
    asked = config.asked_profile(avatar.spec)

    def choose_and_warm_up() -> ProfileChoice:
        choice = ProfileChoice(asked)
        if config.is_profile_measured:
            choice = choose_profile(avatar, portrait, config.stream_settings(asked), parts.clock.now_s)
        warm_up(avatar, portrait, config.stream_settings(choice.profile))
        return choice

    parts.choice = await parts.worker.call(choose_and_warm_up)
    log.info("%s", parts.choice.told(config.max_sessions))


def warm_up(avatar: Avatar, portrait: Portrait, settings: StreamSettings) -> None:
    """Render one window of silence."""
    stream = avatar.start(portrait, settings)
    for index in range(stream.delay_frames + settings.hop_frames):
        silence = SpeechChunk(
            index, np.zeros(SAMPLES_PER_FRAME, np.float32), np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
        )
        for _ in stream.push(silence):
            pass


def _add_health(app: FastAPI, admission: Admission, parts: ServerParts) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", response_model=None)
    async def readyz() -> dict[str, str] | Response:
        if admission.is_open:
            return {"status": "ready"}
        return problem(503, "the server is starting or stopping", "NotReady")

    @app.get("/v1/capacity")
    async def capacity() -> dict[str, int | dict[str, object] | None]:
        taken = admission.num_sessions
        return {
            "slots": admission.most_sessions,
            "taken": taken,
            "free": admission.most_sessions - taken,
            "profile": None if parts.choice is None else parts.choice.to_json(),
        }

    @app.get("/metrics")
    async def exposition() -> Response:
        return Response(parts.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
