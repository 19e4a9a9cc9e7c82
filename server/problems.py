"""Errors as a caller over HTTP sees them: application/problem+json (RFC 9457)."""

import json
import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from contract.errors import (
    AtCapacityError,
    ConfigError,
    FloatAvatarError,
    IngestError,
    NegotiationError,
    PortraitError,
    PortraitNotFoundError,
    SessionNotFoundError,
)

# The first that fits counts, so the narrower stand before the wider.
STATUS_OF: tuple[tuple[type[FloatAvatarError], int], ...] = (
    (AtCapacityError, 503),
    (SessionNotFoundError, 404),
    (NegotiationError, 400),
    (PortraitNotFoundError, 404),
    (PortraitError, 422),
    (IngestError, 422),
    (ConfigError, 422),
    (FloatAvatarError, 500),
)

log = logging.getLogger(__name__)


def problem(status: int, detail: str, error_name: str, headers: dict[str, str] | None = None) -> Response:
    """One problem as a response."""
    body = {
        "type": f"urn:float-avatar:problem:{error_name}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")


def translate_errors(app: FastAPI) -> None:
    """Answer every error of our tree, FastAPI's own and every accident as a problem."""

    @app.exception_handler(FloatAvatarError)
    async def on_ours(request: Request, error: FloatAvatarError) -> Response:
        status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
        if status == 500:
            log.error("%s %s: %s", request.method, request.url.path, error)
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, AtCapacityError) else None
        return problem(status, str(error), type(error).__name__, headers)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), "HTTPError", dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        return problem(422, str(error), "InvalidRequest")

    @app.exception_handler(Exception)
    async def on_accident(request: Request, error: Exception) -> Response:
        # What happened goes to the log, by whoever called: its words may be about the inside.
        return problem(500, "the server met an error of its own; its log says which", "InternalError")
