"""The server of the studio: this machine alone, by a secret address, names looked up and no paths.

Every address begins with a random token, so that a web site cannot guess it. Requests that name
another host or come from another origin are refused: a site that makes its name point here (DNS
rebinding) gets nothing. Takes, cameras and files are looked up by name in lists of what is there;
links are not followed.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mocap.capture.edits import (
    KINDS,
    SIDES,
    append_edit,
    board_edits_path,
    checked,
    kind_of,
    load_edits,
    remove_edit,
)
from mocap.capture.session import Session, Take
from mocap.capture.take_file import EVENTS
from mocap.core.errors import InputError, MocapError
from mocap.core.files.outside import OUTSIDE
from mocap.studio.player.page import CLIENT, three_js
from mocap.studio.player.take import PlayerTake, curves_pack, part_pack, whole_pack
from mocap.workflow.checks.causes import wrong_with
from mocap.workflow.edits import add_edit
from mocap.workflow.graph import GRAPH
from mocap.workflow.results import Results
from mocap.workflow.rig.calibrate import ensure_calibration
from mocap.workflow.studio.again import export_again, run_again, solve_again
from mocap.workflow.studio.answers import answering, as_json, asked_of, refused, telling
from mocap.workflow.studio.guard import Guard
from mocap.workflow.studio.jobs import Heard, Workshop
from mocap.workflow.studio.material import actions_of, curves_of, player_take
from mocap.workflow.studio.proxies import playable
from mocap.workflow.studio.rig import board_image, rig_room
from mocap.workflow.studio.windows import Windows

_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Studio:
    """The pages and the data of one session."""

    def __init__(self, session: Session) -> None:
        """Serve a session."""
        self.session = session
        self.workshop = Workshop()
        self.windows = Windows()
        self._loading = threading.Lock()
        self._takes: dict[str, tuple[str, PlayerTake]] = {}

    def routes(self) -> list[Route]:
        """Return what can be asked."""
        get: Mapping[str, Callable[[Request], Response]] = {
            "/": self.page,
            "/client/{name}": self.client,
            "/api/session": self.about_session,
            "/api/rig": self.rig,
            "/api/board/{camera}/{frame:int}": self.board,
            "/api/takes/{take}/whole": self.whole,
            "/api/takes/{take}/part/{version}/{part:int}": self.part,
            "/api/takes/{take}/video/{camera}": self.video,
            "/api/takes/{take}/curves": self.curves,
            "/api/takes/{take}/bands": self.bands,
            "/api/takes/{take}/actions": self.actions,
            "/api/takes/{take}/edits": self.edits,
            "/api/takes/{take}/files": self.files,
            "/api/takes/{take}/files/{name}": self.file,
            "/api/job/{window}": self.job,
        }
        routes = [Route(path, answering(handler)) for path, handler in get.items()]
        return [
            *routes,
            Route("/api/takes/{take}/{what}", self.change, methods=["POST"]),
            Route("/api/rig/{what}", self.change_rig, methods=["POST"]),
            Route("/api/gone/{window}", self.gone, methods=["POST"]),
        ]

    def page(self, request: Request) -> Response:
        """Return the page."""
        nonce = secrets.token_urlsafe(16)
        text = Template((CLIENT / "index.html").read_text("utf-8")).substitute(
            nonce=nonce, root=request.scope["root_path"]
        )
        policy = _POLICY.format(nonce=nonce)
        return HTMLResponse(text, headers={"content-security-policy": policy})

    def client(self, request: Request) -> Response:
        """Return a script or style of the page."""
        name = request.path_params["name"]
        if name == "three.js":
            return Response(three_js(), media_type="text/javascript")
        parts = (each for each in CLIENT.iterdir() if each.name.endswith((".js", ".css")))
        known = {each.name: each for each in parts}
        if name not in known:
            raise HTTPException(404, "there is no such part of the page")
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(known[name].read_bytes(), media_type=kind)

    def about_session(self, request: Request) -> Response:
        """Return the takes and what there is of each."""
        takes = []
        for name in self.session.takes():
            results = Results(self.session.take(name))
            made = [row.name for row in GRAPH if row.makes and results.has(row.makes)]
            takes.append({"name": name, "made": made, "points": results.has("points")})
        kinds = {
            name: {"about": kind.about, "do": kind.do, "needs": kind.needs, "may": kind.may}
            for name, kind in KINDS.items()
        }
        return as_json(
            {
                "name": self.session.root.resolve().name,
                "takes": takes,
                "kinds": kinds,
                "sides": SIDES,
                "events": EVENTS,
                "calibrated": self.session.calibration_path.is_file(),
            }
        )

    def rig(self, request: Request) -> Response:
        """Return the calibration room."""
        return as_json(rig_room(self.session))

    def board(self, request: Request) -> Response:
        """Return a picture of the board in a frame of a calibration video."""
        videos = self.session.calibration_videos()
        path = self._inside(videos, request.path_params["camera"])
        picture = board_image(self.session, path, request.path_params["frame"])
        return Response(picture, media_type="image/jpeg")

    def whole(self, request: Request) -> Response:
        """Return what there is once of a take, and remember it for its parts."""
        take = self._take(request)
        root = request.scope["root_path"]

        def source(camera: str) -> str:
            return f"{root}/api/takes/{take.name}/video/{camera}"

        with self._loading:
            found = player_take(take, source, curves=False, causes=wrong_with(take))
            version = secrets.token_hex(6)
            self._takes[take.name] = (version, found)
        return Response(whole_pack(found, version), media_type="application/octet-stream")

    def warm(self) -> None:
        """Load what the first page needs, so that it is there when it is asked for."""
        for name in self.session.takes()[:1]:
            with suppress(MocapError, *OUTSIDE):
                whole_pack(player_take(self.session.take(name), curves=False))

    def curves(self, request: Request) -> Response:
        """Return the joint angles of a take: they come when the rest is there."""
        data = curves_pack(curves_of(self._take(request), bands=False))
        return Response(data, media_type="application/octet-stream")

    def bands(self, request: Request) -> Response:
        """Return the joint angles with their bands, which take seconds on a long take."""
        data = curves_pack(curves_of(self._take(request)))
        return Response(data, media_type="application/octet-stream")

    def actions(self, request: Request) -> Response:
        """Return what people did over time, which comes last: nothing waits for it."""
        return as_json(actions_of(self._take(request)))

    def part(self, request: Request) -> Response:
        """Return a part of the frames of a take, as it was when the page asked for the whole."""
        version, found = self._takes.get(self._take(request).name, ("", None))
        if found is None or version != request.path_params["version"]:
            raise HTTPException(409, "the take was made again; load it anew")
        parts = found.parts()
        if not 0 <= request.path_params["part"] < len(parts):
            raise HTTPException(404, "the take has no such part")
        data = part_pack(found, parts[request.path_params["part"]])
        return Response(data, media_type="application/octet-stream")

    def video(self, request: Request) -> Response:
        """Return a camera's video, or the bytes of it that are asked for."""
        take = self._take(request)
        camera = request.path_params["camera"]
        path = self._inside(take.videos(), camera)
        found = self._takes.get(take.name)
        times = None
        if found is not None:
            by_name = {each.camera.name: each for each in found[1].cameras}
            times = by_name[camera].image_times_s if camera in by_name else None
        if times is None:
            from mocap.capture.video import probe

            times = probe(path, camera).times_s
        file = playable(take, camera, path, times)
        kind = "video/webm" if file.suffix.lower() == ".webm" else "video/mp4"
        return FileResponse(file, media_type=kind)

    def edits(self, request: Request) -> Response:
        """Return what was changed about a take."""
        return as_json(_edits(self._take(request)))

    def files(self, request: Request) -> Response:
        """Return the names of the exported files of a take."""
        return as_json(sorted(self._files(self._take(request))))

    def file(self, request: Request) -> Response:
        """Return an exported file."""
        known = self._files(self._take(request))
        name = request.path_params["name"]
        if name not in known:
            raise HTTPException(404, f"there is no exported file {name}")
        return FileResponse(known[name], filename=name)

    def job(self, request: Request) -> Response:
        """Return how the work goes, and whether another window shows the same take."""
        others = self.windows.seen(
            request.path_params["window"], request.query_params.get("take", "")
        )
        job = self.workshop.job
        return as_json({"others": others, "job": None if job is None else vars(job)})

    async def gone(self, request: Request) -> Response:
        """Hear that a window was closed; work that it began goes on."""
        self.windows.gone(request.path_params["window"])
        return Response(status_code=204)

    async def change(self, request: Request) -> Response:
        """Change the edits of a take, or start work on it."""
        asked = await asked_of(request)
        return await run_in_threadpool(self._change, request, asked)

    async def change_rig(self, request: Request) -> Response:
        """Leave a frame of the board out, take one back, or calibrate again."""
        asked = await asked_of(request)
        return await run_in_threadpool(self._change_rig, request.path_params["what"], asked)

    def _change_rig(self, what: str, asked: Mapping[str, object]) -> Response:
        path = board_edits_path(self.session.root)
        with telling():
            if what == "leave-out":
                camera, frame = asked.get("camera"), asked.get("frame")
                if camera not in self.session.calibration_videos():
                    raise InputError(f"there is no calibration video of camera '{camera}'.")
                entry = {"camera": camera, "from_frame": frame, "to_frame": frame}
                append_edit(path, checked("ignore", entry, str(path)))
            elif what == "take-back":
                number = asked.get("number")
                remove_edit(path, number if type(number) is int else None)
            elif what == "calibrate":
                return self._begin("calibrate the rig again", self._calibrate)
            else:
                raise HTTPException(404, "there is no such work")
            return as_json(rig_room(self.session))

    def _calibrate(self, heard: Heard) -> None:
        if not ensure_calibration(self.session, heard, accept=True):
            heard.finished("the calibration is that of its recordings and of the frames left out")

    def _change(self, request: Request, asked: Mapping[str, Any]) -> Response:
        take = self._take(request)
        what = request.path_params["what"]
        with telling():
            if what == "add":
                entry = asked.get("entry")
                add_edit(take, str(asked.get("kind")), entry if isinstance(entry, dict) else {})
                return as_json(_edits(take))
            if what == "remove":
                number = asked.get("number")
                remove_edit(take.edits_path, number if type(number) is int else None)
                return as_json(_edits(take))
            return self._work(take, what, asked)

    def _work(self, take: Take, what: str, asked: Mapping[str, Any]) -> Response:
        works: Mapping[str, tuple[str, Callable[[Any], None]]] = {
            "solve": ("solve the points again", lambda heard: solve_again(take, heard, body=False)),
            "body": ("solve body and report again", lambda heard: solve_again(take, heard)),
            "run": ("run every stage", lambda heard: run_again(take, heard)),
            "export": (
                "export",
                lambda heard: export_again(take, [str(f) for f in asked.get("formats", [])], heard),
            ),
        }
        if what not in works:
            raise HTTPException(404, "there is no such work")
        about, work = works[what]
        return self._begin(f"{take.name}: {about}", work)

    def _begin(self, about: str, work: Callable[[Heard], None]) -> Response:
        job = self.workshop.start(about, work)
        if job is None:
            raise HTTPException(409, "other work is going on; wait for it to end")
        return as_json({"number": job.number})

    def _take(self, request: Request) -> Take:
        name = request.path_params["take"]
        if name not in self.session.takes():
            raise HTTPException(404, f"there is no take {name}")
        take = self.session.take(name)
        self._refuse_link(take.root)
        return take

    def _inside(self, known: Mapping[str, Path], name: str) -> Path:
        if name not in known:
            raise HTTPException(404, f"there is no camera {name}")
        self._refuse_link(known[name])
        return known[name]

    def _refuse_link(self, path: Path) -> None:
        root = self.session.root.resolve()
        if path.resolve() != root / path.relative_to(self.session.root):
            raise HTTPException(403, f"{path.name} is a link: the studio follows none")

    def _files(self, take: Take) -> dict[str, Path]:
        folder = take.export_dir
        if not folder.is_dir() or folder.is_symlink():
            return {}
        return {
            path.name: path
            for path in folder.iterdir()
            if path.is_file() and not path.is_symlink() and path != take.export_manifest_path
        }


def _edits(take: Take) -> list[Mapping[str, object]]:
    with telling():
        found = load_edits(take.edits_path)
    return [
        {
            "number": number,
            "kind": kind_of(edit),
            "text": edit.as_text(),
            "redoes": KINDS[kind_of(edit)].redoes,
            "entry": {
                "from_frame": edit.from_frame,
                "to_frame": edit.to_frame,
            },
        }
        for number, edit in enumerate(found, start=1)
    ]


def studio_app(session: Session, token: str, port: int) -> tuple[ASGIApp, Studio]:
    """Return the application and what it serves."""
    studio = Studio(session)
    app = Starlette(routes=studio.routes(), exception_handlers={HTTPException: refused})
    return Guard(app, token, port), studio
