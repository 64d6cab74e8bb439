"""Serves a model: a page at /, OpenAI's Realtime API at /v1/realtime, Moshi's at /api/chat, WebRTC at /api/webrtc. Ctrl-C ends it."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from roboego.commands.common import Sight, check_at_least
from roboego.errors import InputError

OTHER_CONNECTIONS = 64
"""Beside sessions and those that wait for one: pages, recordings, figures."""


@dataclass(kw_only=True)
class Args:
    model: str = "nano"
    """A name, a folder or a hub id."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 lets other machines in."""
    port: int = 8998
    """Port to listen at."""
    slots: int = 4
    """Sessions at once."""
    queue: int = 32
    """Clients that may wait for a session; further ones are refused."""
    idle_s: float = 300.0
    """Seconds without sound or text after which a session ends; 0 lets it wait for ever."""
    total_s: float | None = None
    """Seconds that a session may last. (default: without end)"""
    threads: int | None = None
    """CPU threads. (default: as many as there are cores)"""
    token_file: Path | None = None
    """Let only those in who bring a token of this file, one a line; the page takes it from its address: http://HOST:PORT/?token=TOKEN."""
    origins: tuple[str, ...] = ()
    """Pages of other servers that may connect, such as https://example.org."""
    hosts: tuple[str, ...] = ()
    """Names under which a server at 127.0.0.1 that asks for no token is reached, beside localhost, such as example.org by a proxy on this
    machine. Requests for other names are refused: pages of other sites could have them lead here."""
    ice_servers: tuple[str, ...] = ()
    """For WebRTC through a NAT: stun:HOST:PORT tells this server its address outside, turn:USER:PASSWORD@HOST:PORT passes everything on
    where that is not enough. (default: none is asked)"""
    tls: tuple[str, ...] = ()
    """Encrypt: CERTIFICATE KEY, two PEM files; or self-signed, which makes them. From other machines browsers give a microphone to
    https alone."""
    record: Path | None = None
    """Record all conversations into this folder, and say so on the page."""
    keep_days: float | None = None
    """Delete recordings after so many days. (default: keep them)"""
    allow: tuple[str, ...] | None = None
    """Settings that clients may choose for their sessions: prompt, text_temperature, speech_temperature, speech_top_k, speech_top_p.
    (default: all of them)"""
    functions: tuple[str, ...] = ()
    """Functions that Ego may call in every session, answered by this server: time, timer. (default: none but those of its clients)"""
    sight: Sight = "stream"
    """How pictures reach a model that sees: with each step (stream), as tokens in its context (context), or so only when in doubt
    (auto)."""
    drain_s: float = 30.0
    """Seconds that sessions have to come to their end after SIGTERM; new ones are refused meanwhile."""
    log: Literal["text", "json"] = "text"
    """How log lines look."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    json: Path | None = None
    """Write what was served here, in the end."""


def run(args: Args) -> dict[str, Any]:
    import uvicorn
    from rich.console import Console

    import roboego
    from roboego.runtime.engine import Engine
    from roboego.serve.app import make_app
    from roboego.serve.builtins import check_names
    from roboego.serve.draining import DrainingServer
    from roboego.serve.guard import is_loopback, read_tokens
    from roboego.serve.live import Limits, LiveEngine
    from roboego.serve.logs import log_to_stderr
    from roboego.serve.recording import Recorder
    from roboego.serve.settings import ALL
    from roboego.serve.webrtc.ice import ice_servers

    check_at_least(1, slots=args.slots, threads=args.threads)
    check_at_least(0, queue=args.queue, idle_s=args.idle_s, total_s=args.total_s, drain_s=args.drain_s)
    allowed = ALL if args.allow is None else frozenset(args.allow)
    if unknown := allowed - ALL:
        raise InputError(f"--allow takes {', '.join(sorted(ALL))}, not {', '.join(sorted(unknown))}")
    check_names(args.functions)
    log_to_stderr(args.log)
    if not 0 < args.port < 65_536:
        raise InputError(f"--port must be from 1 to 65535, not {args.port}")
    if args.keep_days is not None and (args.record is None or args.keep_days <= 0):
        raise InputError("--keep-days is a number of days above 0, and for recordings: give --record FOLDER too")
    helpers = ice_servers(args.ice_servers)
    limits = Limits(idle_s=args.idle_s or None, total_s=args.total_s)
    tokens = () if args.token_file is None else read_tokens(args.token_file)
    hosts = (args.host, *args.hosts) if is_loopback(args.host) and not tokens else None
    certificate, key = _certificate(args)
    recorder = None if args.record is None else Recorder(args.record, keep_days=args.keep_days)
    listening = _listen(args.host, args.port)
    loaded = roboego.load(args.model, device=args.device)
    engine = LiveEngine(
        Engine(loaded, slots=args.slots, threads=args.threads),
        limits=limits,
        recorder=recorder,
        allowed=allowed,
        functions=args.functions,
        sight=args.sight,
    )
    console = Console(stderr=True)
    where, s = f"{args.host}:{args.port}", "s" if certificate else ""
    console.print(f"{loaded.name} for {args.slots} sessions: open http{s}://{where} in a browser")
    console.print(f"clients: ws{s}://{where}/v1/realtime (OpenAI Realtime), ws{s}://{where}/api/chat (Moshi)")
    config = uvicorn.Config(
        make_app(engine, tokens=tokens, origins=args.origins, hosts=hosts, queue=args.queue, ice_servers=helpers),
        log_config=None,
        limit_concurrency=args.slots + args.queue + OTHER_CONNECTIONS,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # sound and pictures are compressed already, or do not compress
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = DrainingServer(config, engine, args.drain_s)
    with suppress(KeyboardInterrupt):  # it has shut down in order, and raises what it was told to stop with
        server.run(sockets=[listening])
    counts = engine.engine.counts
    return {"steps": counts.steps, "late_steps": counts.late_steps, "overruns": counts.overruns, "failures": counts.failures}


def _certificate(args: Args) -> tuple[Path | None, Path | None]:
    """Certificate and key; None without TLS.

    Raises:
        InputError: they are not there, or were named in another way.
    """
    if not args.tls:
        return None, None
    if args.tls == ("self-signed",):
        from roboego.serve.certificate import self_signed

        return self_signed(Path.home() / ".config" / "roboego", ("localhost", "127.0.0.1", args.host, socket.gethostname()))
    files = [Path(name) for name in args.tls]
    if len(files) != 2 or not all(file.is_file() for file in files):
        raise InputError("--tls takes two files that are there, CERTIFICATE and KEY, or the word self-signed")
    return files[0], files[1]


def _listen(host: str, port: int) -> socket.socket:
    """The port, taken before the model is opened.

    Raises:
        InputError: it cannot be had.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"cannot listen at {host}:{port} ({error.strerror}); choose another --port, or end what listens there") from error
