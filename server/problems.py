"""Errors as a caller over HTTP sees them: application/problem+json (RFC 9457)."""

import json
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
    """Answer every error of our tree, and FastAPI's own, as a problem."""

    @app.exception_handler(FloatAvatarError)
    async def on_ours(request: Request, error: FloatAvatarError) -> Response:
        status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, AtCapacityError) else None
        return problem(status, str(error), type(error).__name__, headers)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), "HTTPError", dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        return problem(422, str(error), "InvalidRequest")
