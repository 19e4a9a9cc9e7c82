"""How a call is made and ended over HTTP: shaped as WHIP (RFC 9725), open to both directions.

POST    /v1/whip[?portrait=NAME][&emotion=NAME]  offer -> 201, answer, Location, ETag
PATCH   /v1/whip/{id}                            later candidates -> 204; a changed ufrag (an ICE restart) -> 422
DELETE  /v1/whip/{id}                            200
GET     either                                   204
OPTIONS either                                   200, Accept-Post
"""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from server.admission import Admission
from server.asked_expression import AskedExpression
from server.offer import read_fragment, read_offer
from server.portraits import PortraitGallery
from server.request_body import read_text
from server.server_parts import ServerParts
from server.session import Session

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
EXPOSED = "Location, ETag, Link, Accept-Patch, Retry-After"


def signaling_routes(parts: ServerParts, admission: Admission, gallery: PortraitGallery) -> APIRouter:
    """The routes of /v1/whip."""
    router = APIRouter(prefix="/v1/whip")

    @router.post("")
    async def call(request: Request, portrait: str | None = None, emotion: str | None = None) -> Response:
        offer = read_offer(await read_text(request, (SDP,), parts.config.max_body_bytes))
        choice = gallery.find(portrait)
        asked = AskedExpression().merged({"emotion": emotion}, parts.avatar.controls)
        session_id = admission.reserve()
        try:
            prepared = await gallery.prepare(choice, parts.avatar, parts.worker)
            session = Session(session_id, parts, admission.release)
            admission.hold(session)
            answer = await session.open(offer, prepared, asked)
        except BaseException:
            admission.release(session_id)
            raise
        headers = {
            "Location": f"/v1/whip/{session_id}",
            "ETag": f'"{session_id}"',
            "Accept-Patch": FRAGMENT,
            "Access-Control-Expose-Headers": EXPOSED,
        }
        if parts.config.ice_servers:
            headers["Link"] = ", ".join(f'<{url}>; rel="ice-server"' for url in parts.config.ice_servers)
        return Response(answer, 201, headers, media_type=SDP)

    @router.patch("/{session_id}")
    async def trickle(request: Request, session_id: str) -> Response:
        session = admission.find(session_id)
        text = await read_text(request, (FRAGMENT,), parts.config.max_body_bytes)
        fragment = read_fragment(text, session.bundle_mid)
        if fragment.ufrag is not None and fragment.ufrag != session.ufrag:
            raise HTTPException(
                422, f"ufrag {fragment.ufrag!r} is not the offer's: an ICE restart is not possible, call again"
            )
        await session.trickle(fragment)
        return Response(status_code=204)

    @router.delete("/{session_id}")
    async def hang_up(session_id: str) -> Response:
        await admission.find(session_id).close("hung up")
        return Response(status_code=200)

    @router.get("")
    async def endpoint() -> Response:
        return Response(status_code=204)

    @router.get("/{session_id}")
    async def exists(session_id: str) -> Response:
        admission.find(session_id)
        return Response(status_code=204)

    @router.options("")
    @router.options("/{session_id}")
    async def options() -> Response:
        return Response(status_code=200, headers={"Accept-Post": SDP, "Accept-Patch": FRAGMENT})

    return router
