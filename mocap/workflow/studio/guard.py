"""Who may ask the studio: this machine, with the secret address, from the page itself."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"


class Guard:
    """Lets in who knows the token and comes from this page."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        """Guard an application."""
        self._app, self._token = app, token
        self._hosts = {f"{host}:{port}" for host in (HOST, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        reason = self._refusal(Request(scope))
        if reason:
            await Response(reason, 403, media_type="text/plain")(scope, receive, send)
            return
        start = f"/{self._token}"
        inner = {**scope, "path": scope["path"][len(start) :], "root_path": start}
        inner["raw_path"] = inner["path"].encode()
        await self._app(inner, receive, send)

    def _refusal(self, request: Request) -> str:
        first = request.url.path.split("/")[1]
        if not secrets.compare_digest(first.encode(), self._token.encode()):
            return "This address lacks the secret part that `mocap studio` printed."
        if request.headers.get("host", "") not in self._hosts:
            return "This server answers to 127.0.0.1 alone."
        origin = request.headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return "Another site may not ask this server."
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "Another site may not ask this server."
        if request.method == "POST" and origin is None:
            return "Changes come from the page itself."
        return ""
