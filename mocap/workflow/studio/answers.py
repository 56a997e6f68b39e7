"""How the studio answers: JSON, problems as sentences, work beside the loop."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mocap.core.errors import MocapError
from mocap.core.files.outside import OUTSIDE, what_happened
from mocap.core.plain import plain

_LARGEST_BODY = 64 * 1024
Handler = Callable[[Request], Awaitable[Response]]


class telling:
    """Turns what a person can mend into an answer of the server."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (MocapError, *OUTSIDE)):
            raise HTTPException(422, what_happened(error)) from error


async def asked_of(request: Request) -> Mapping[str, Any]:
    """Return the JSON object that a page sends."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_BODY:
            raise HTTPException(413, "that is too much")
    try:
        asked = json.loads(bytes(body) or b"{}")
    except ValueError as error:
        raise HTTPException(400, "that is no JSON") from error
    if not isinstance(asked, dict):
        raise HTTPException(400, "that is no JSON object")
    return asked


def answering(handler: Callable[[Request], Response]) -> Handler:
    """Run a handler beside the loop: reading a take must not hold up a video."""

    def told(request: Request) -> Response:
        with telling():
            return handler(request)

    async def answer(request: Request) -> Response:
        response: Response = await run_in_threadpool(told, request)
        return response

    return answer


def as_json(value: object) -> Response:
    """Return a value as JSON; numbers that are not finite become null."""
    return JSONResponse(plain(value))


async def refused(request: Request, error: Exception) -> Response:
    """Say in JSON why a request was refused."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)
