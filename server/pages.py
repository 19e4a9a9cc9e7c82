"""The web page, read from the installed package, and the list of portraits it shows."""

import mimetypes
from importlib.resources import files
from urllib.parse import quote

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from server.portraits import PortraitGallery

INDEX = "index.html"
# Registries of file types differ between machines; a module script needs exactly this one.
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8",
         ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp"}  # fmt: skip


def portrait_routes(gallery: PortraitGallery) -> APIRouter:
    """The list of portraits and small pictures of them."""
    router = APIRouter(prefix="/v1/portraits")

    @router.get("")
    async def portraits() -> list[dict[str, str]]:
        """All of them, the one that is taken unasked first."""
        return [
            {"name": choice.name, "title": choice.title, "picture": f"/v1/portraits/{quote(choice.name)}.png"}
            for choice in gallery.all()
        ]

    @router.get("/{name}.png")
    def picture(name: str) -> Response:
        headers = {"Cache-Control": "max-age=300"}
        return Response(gallery.thumbnail(gallery.find(name)), 200, headers, media_type="image/png")

    return router


def page_routes() -> APIRouter:
    """The page's files, held in memory: no path of a request ever reaches the disk."""
    router = APIRouter()
    held = {file.name: file.read_bytes() for file in files("web").iterdir() if file.is_file() and _is_page(file.name)}

    @router.get("/")
    async def index() -> Response:
        return await page_file(INDEX)

    @router.get("/{name}")
    async def page_file(name: str) -> Response:
        if name not in held:
            raise HTTPException(404, f"there is no page {name[:80]!r}")
        return Response(held[name], 200, {"Cache-Control": "no-cache"}, media_type=_type(name))

    return router


def _is_page(name: str) -> bool:
    return not name.startswith((".", "_")) and not name.endswith((".py", ".pyc"))


def _type(name: str) -> str:
    suffix = name[name.rfind(".") :]
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
