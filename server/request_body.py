"""The body of a request as text, once its type and size are right."""

from fastapi import HTTPException, Request

from contract.errors import NegotiationError


async def read_text(request: Request, media_types: tuple[str, ...], most_bytes: int) -> str:
    """The body; raises HTTPException 415 or 413, NegotiationError where it is not UTF-8."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types:
        raise HTTPException(415, f"content type {given or 'none'!r}, expected {' or '.join(media_types)}")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise HTTPException(413, f"more than {most_bytes} bytes, expected at most that")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NegotiationError(f"the body is not UTF-8 text: {error}") from error
