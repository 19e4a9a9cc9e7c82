"""Who may come in, and who is in."""

import asyncio
import secrets

from contract.errors import AtCapacityError, SessionNotFoundError
from server.metrics import Metrics
from server.session import Session

RETRY_AFTER_S = 5


class Admission:
    """The server's places. A place is taken before the session is made and free when nothing is left of it."""

    def __init__(self, most_sessions: int, metrics: Metrics) -> None:
        self.most_sessions = most_sessions
        self.is_open = False
        self._sessions: dict[str, Session | None] = {}
        self._metrics = metrics
        metrics.session_slots.set(most_sessions)

    @property
    def num_sessions(self) -> int:
        """Places taken."""
        return len(self._sessions)

    def reserve(self) -> str:
        """Take a place; gives the id of the session to be. Raises AtCapacityError."""
        if not self.is_open:
            raise AtCapacityError("the server takes no calls: it is starting or stopping", RETRY_AFTER_S)
        if len(self._sessions) >= self.most_sessions:
            raise AtCapacityError(
                f"{len(self._sessions)} sessions are open, expected fewer than {self.most_sessions}", RETRY_AFTER_S
            )
        session_id = secrets.token_urlsafe(12)
        self._sessions[session_id] = None
        self._metrics.sessions_active.set(len(self._sessions))
        return session_id

    def hold(self, session: Session) -> None:
        """Put the session on its place."""
        assert session.session_id in self._sessions, f"no place was reserved for {session.session_id}"
        self._sessions[session.session_id] = session

    def release(self, session_id: str) -> None:
        """Free a place."""
        self._sessions.pop(session_id, None)
        self._metrics.sessions_active.set(len(self._sessions))

    def find(self, session_id: str) -> Session:
        """The session of that id; raises SessionNotFoundError."""
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionNotFoundError(f"no session has the id {session_id[:40]!r}")
        return session

    async def close_all(self) -> None:
        """Let nobody in and end every session."""
        self.is_open = False
        sessions = [session for session in self._sessions.values() if session is not None]
        await asyncio.gather(*(session.close("server stopped") for session in sessions))
