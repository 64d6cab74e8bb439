"""The image and the service start the server with options that it has."""

import json
import re
from pathlib import Path

import tyro

from roboego.commands.serve import Args

ROOT = Path(__file__).parent.parent


def test_the_image_starts_the_server() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (entry,), (rest,) = re.findall(r"^ENTRYPOINT (.*)$", text, re.M), re.findall(r"^CMD (.*)$", text, re.M)
    program, command, *options = [*json.loads(entry), *json.loads(rest)]
    assert (program, command) == ("roboego", "serve")
    assert tyro.cli(Args, args=options).log == "json"
    assert f"EXPOSE {Args().port}" in text


def test_the_service_starts_the_server() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", (ROOT / "deploy" / "roboego.service").read_text(), re.M)
    program, command, *options = line.split()
    assert (Path(program).name, command) == ("roboego", "serve")
    assert tyro.cli(Args, args=options).slots == 4


def test_both_have_the_torch_that_is_pinned() -> None:
    pinned = re.search(r"^torch==\S+$", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned is not None
    assert f'"{pinned[0]}"' in (ROOT / "Dockerfile").read_text()
