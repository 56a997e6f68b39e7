"""Serve the studio until somebody stops it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable

from mocap.capture.session import Session
from mocap.core.errors import InputError
from mocap.workflow.studio.guard import HOST
from mocap.workflow.studio.server import studio_app


def serve(session: Session, *, port: int = 0, told: Callable[[str], None]) -> None:
    """Serve a session on this machine alone until it is interrupted; work going on is finished.

    Args:
        session: the session.
        port: 0 for any that is free.
        told: hears the address of the page, once it can be asked for.

    Raises:
        InputError: the port is taken.
    """
    import uvicorn

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"port {port} of this machine cannot be used ({error.strerror}). Choose another "
                "with --port, or leave it out."
            ) from error
        listening.listen(64)
        free = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        app, studio = studio_app(session, token, free)
        config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)
        studio.warm()
        told(f"http://{HOST}:{free}/{token}/")
        uvicorn.Server(config).run(sockets=[listening])
        studio.workshop.wait()
