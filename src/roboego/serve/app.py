"""The HTTP application: protocols on one live engine, and what operators ask for."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Response, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from roboego.data.recorded import EVENTS, PICTURES, SOUND
from roboego.errors import InputError
from roboego.serve import live_socket, moshi
from roboego.serve.admission import Admission
from roboego.serve.guard import Guard
from roboego.serve.live import LiveEngine
from roboego.serve.parking import Parking
from roboego.serve.realtime import socket as realtime_socket
from roboego.serve.recording import Recorder
from roboego.serve.telemetry import metrics
from roboego.serve.webrtc.ice import IceServer
from roboego.serve.webrtc.route import WebRtc

METHODS = ("GET", "POST", "DELETE")
"""What pages of other origins, where they are welcome, may ask for."""
PAGE = Path(__file__).parent / "page"
"""Plain files: no build step, nothing from other hosts."""


def make_app(
    engine: LiveEngine,
    *,
    tokens: Sequence[str] = (),
    origins: Sequence[str] = (),
    hosts: Sequence[str] | None = None,
    queue: int = 32,
    ice_servers: Sequence[IceServer] = (),
) -> FastAPI:
    """The application on an engine, which it starts and stops with itself.

    Args:
        tokens, origins, hosts: who may come in, as of `Guard`.
        queue: how many may wait for a slot.
        ice_servers: which help WebRTC through a NAT.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine.start()
        yield
        await webrtc.close()
        await admission.close()

    app = FastAPI(title="RoboEgo", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    admission = Admission(engine, queue)
    parking = Parking(admission)
    webrtc = WebRtc(parking, ice_servers)
    app.add_middleware(Guard, tokens=tokens, origins=origins, hosts=hosts)
    # Around the guard: a page of another origin may read what it is refused for, and its browser asks first without a token.
    app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=METHODS, allow_headers=["authorization", "content-type"])

    @app.get("/healthz")
    def healthz(response: Response) -> dict[str, str]:
        """The process lives, and its engine has not been given up."""
        if engine.failure:
            response.status_code = 503
            return {"status": "failed", "reason": engine.failure}
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz(response: Response) -> dict[str, Any]:
        """The engine ticks and takes sessions."""
        open_, slots = len(engine.engine.sessions), engine.engine.slots
        ready = engine.running and not engine.draining
        if not ready:
            response.status_code = 503
        return {
            "ready": ready,
            "draining": engine.draining,
            "failure": engine.failure,
            "sessions": open_,
            "slots": slots,
            "recorded": engine.recorder is not None,
            "settings": sorted(engine.allowed),
        }

    @app.get("/metrics")
    def told() -> Response:
        """For Prometheus."""
        body, kind = metrics(engine, admission.waiting)
        return Response(body, media_type=kind)

    @app.websocket("/api/chat")
    async def chat(socket: WebSocket) -> None:
        await moshi.serve(socket, admission)

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        await realtime_socket.serve(socket, admission)

    @app.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        await live_socket.serve(socket, parking)

    app.include_router(webrtc.router)
    if engine.recorder is not None:
        app.include_router(recorded(engine.recorder))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def recorded(recorder: Recorder) -> APIRouter:
    """What has been recorded: listed, played, deleted."""
    router = APIRouter(prefix="/v1/sessions")

    def known(name: str, file: str) -> Path:
        try:
            path = recorder.path(name, file)
        except InputError as error:
            raise HTTPException(404, str(error)) from error
        if not path.is_file():
            raise HTTPException(404, f"{file} is not there")
        return path

    @router.get("")
    def listed() -> list[dict[str, Any]]:
        return [{**asdict(entry), "seconds": entry.seconds} for entry in recorder.index.all()]

    @router.get("/{name}/sound")
    def sound(name: str) -> FileResponse:
        return FileResponse(known(name, SOUND), media_type="audio/ogg")

    @router.get("/{name}/events")
    def events(name: str) -> FileResponse:
        return FileResponse(known(name, EVENTS), media_type="application/jsonl")

    @router.get("/{name}/pictures/{picture}")
    def picture(name: str, picture: str) -> FileResponse:
        return FileResponse(known(name, f"{PICTURES}/{Path(picture).name}"), media_type="image/jpeg")

    @router.delete("/{name}")
    def delete(name: str) -> dict[str, str]:
        if recorder.index.get(name) is None:
            raise HTTPException(404, f"no conversation {name!r} has been recorded")
        try:
            recorder.delete(name)
        except InputError as error:
            raise HTTPException(409, str(error)) from error
        return {"deleted": name}

    return router
