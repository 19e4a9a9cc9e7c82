"""What can be asked of a call that goes on.

GET   /v1/controls          the emotions and motions that the avatar has
GET   /v1/sessions/{id}     what is asked of its face
PATCH /v1/sessions/{id}     {"emotion": "happy", "motion": {"smile": 0.5}} -> 200, what is asked now
POST  /v1/sessions/{id}/interrupt   what was said and is not shown yet is not said -> 200, what was dropped
"""

import json
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from server.admission import Admission
from server.asked_expression import MOST_MOTION
from server.request_body import read_text
from server.server_parts import ServerParts

JSON_TYPES = ("application/json", "application/merge-patch+json")


def session_routes(parts: ServerParts, admission: Admission) -> APIRouter:
    """The routes of /v1/sessions, and of what they take."""
    router = APIRouter(prefix="/v1")

    @router.get("/controls")
    async def controls() -> dict[str, Any]:
        """default_emotion: what is shown unasked; null is what the voice says."""
        can = parts.avatar.controls
        unasked = parts.config.emotion or (None if can.hears_emotion else "neutral")
        return {
            "emotions": can.emotions,
            "default_emotion": unasked if can.emotions else None,
            "motion": [{"name": name, "lowest": -MOST_MOTION, "highest": MOST_MOTION} for name in can.motion_names],
        }

    @router.get("/sessions/{session_id}")
    async def asked(session_id: str) -> dict[str, Any]:
        return admission.find(session_id).asked.to_json()

    @router.patch("/sessions/{session_id}")
    async def direct(request: Request, session_id: str) -> dict[str, Any]:
        session = admission.find(session_id)
        text = await read_text(request, JSON_TYPES, parts.config.max_body_bytes)
        try:
            patch = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"the body is not JSON: {error}") from error
        session.direct(patch)
        return session.asked.to_json()

    @router.post("/sessions/{session_id}/interrupt")
    async def interrupt(session_id: str) -> dict[str, Any]:
        return admission.find(session_id).interrupt().to_json()

    return router
