"""roboego eval at the table: vqa, action, sense and conflict, as small as they go."""

from pathlib import Path

import pytest

from roboego.evaluation.table import episode, suites
from roboego.recipes.nano import senses
from saved import save
from tests.commands.conftest import Shell
from tests.evaluation.table.tables import acting_loaded

COMMON = ("--voices", "espeak-en-us", "--scenes", 1, "--count", 1)


@pytest.fixture
def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with random weights that sees and acts, and little patience with it."""
    for name in ("LONGEST_FRAMES", "WATCHED_FRAMES", "AFTER_FRAMES"):
        monkeypatch.setattr(episode, name, 4)
    monkeypatch.setattr(suites, "DO_SHARE", 1)
    return save(acting_loaded(), tmp_path / "actor")


def test_a_model_is_asked_about_pictures(tmp_path: Path, actor: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.evaluation.table.ego.LONGEST_FRAMES", 40)
    for options in ((), ("--written", "--sight", "stream", "--no-details")):
        done = shell("eval", actor, "--suite", "vqa", *COMMON, *options, "--report", tmp_path / "report")
        assert done.code == 0
        told = done.told["vqa"]
        assert told["answered_right"]["of"] == told["without_picture"]["says_so"]["of"] == 1
        assert told["sight"] == {"policy": "stream", "details": not options, "into_context": 0, "since_unsure": 0}
        assert (told["written"], told["voices"]) == (bool(options), ["espeak-en-us"])
    assert "<h2>vqa</h2>" in (tmp_path / "report" / "index.html").read_text()


def test_a_model_is_asked_to_act_and_has_senses_that_disagree(actor: Path, shell: Shell) -> None:
    done = shell("eval", actor, "--suite", "action", *COMMON)
    assert done.code == 0
    assert done.told["action"]["do"]["done"]["of"] == done.told["action"]["impossible"]["still"]["of"] == 1
    assert done.told["action"]["played_by"] == str(actor)
    done = shell("eval", actor, "--suite", "conflict", *COMMON)
    assert done.code == 0
    assert done.told["conflict"]["left_out"] == ["felt"]
    assert {"stop_and_go", "absent", "frozen", "black"} < set(done.told["conflict"])


def test_a_model_is_asked_about_what_it_feels(tmp_path: Path, actor: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the expert: the questions are not reached."""
    monkeypatch.setattr(episode, "LONGEST_FRAMES", 2)
    feeler = save(acting_loaded(model={"senses": senses()[:2]}), tmp_path / "feeler")
    done = shell("eval", feeler, "--suite", "sense", *COMMON)
    assert done.code == 0
    assert set(done.told["sense"]) >= {"all", "no_touch", "no_body", "no_sense", "no_picture"}
    assert "no_points" not in done.told["sense"]
    done = shell("eval", feeler, "--suite", "conflict", *COMMON)
    assert done.code == 0
    assert done.told["conflict"]["left_out"] == []


def test_the_experts_reach_all_there_is(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "DO_SHARE", 1)
    done = shell("eval", "--suite", "action", "--policy", "expert", *COMMON, "--report", tmp_path / "report")
    assert done.code == 0
    assert (done.told["model"], done.told["action"]["wrong"]) == ("the experts", [])
    assert done.told["action"]["do"]["done"]["rate"] == 1.0
    assert "do: as it should be" in (tmp_path / "report" / "index.html").read_text()
    done = shell("eval", "--suite", "sense", "--policy", "expert", *COMMON)
    assert done.code == 0
    assert done.told["sense"]["all"]["answered_right"]["rate"] == 1.0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--suite vqa", "does not see"),
        ("--suite action", "does not act"),
        ("--suite conflict", "does not act"),
        ("--suite sense", "does not feel"),
        ("--suite talk --policy expert", "action, sense, conflict"),
        ("--suite vqa --policy expert", "action, sense, conflict"),
        ("--suite action --written", "--written"),
        ("--suite talk --sight context", "--sight"),
    ],
)
def test_what_a_model_lacks_or_a_suite_does_not_know_is_told(model: Path, shell: Shell, options: str, word: str) -> None:
    done = shell("eval", model, *options.split(), *COMMON)
    assert done.code == 2
    assert word in done.err.splitlines()[-1]


def test_ways_to_see_are_compared(tmp_path: Path, model: Path, actor: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.evaluation.table.ego.LONGEST_FRAMES", 10)
    done = shell("experiment", "sight", "--model", actor, *COMMON[:2], "--count", 1, "--report", tmp_path / "report")
    assert done.code == 0
    assert list(done.told["sight"]) == ["vector", "context", "auto"]
    assert "<h2>sight</h2>" in (tmp_path / "report" / "index.html").read_text()
    done = shell("experiment", "sight", "--model", model)
    assert done.code == 2
    assert "does not see" in done.err


@pytest.mark.parametrize(
    ("what", "option", "of"), [("sight", ("--steps", 3), "organization"), ("organization", ("--model", "nano"), "sight")]
)
def test_an_option_of_another_experiment_is_refused(what: str, option: tuple[object, ...], of: str, shell: Shell) -> None:
    done = shell("experiment", what, *option)
    assert done.code == 2
    assert f"{option[0]}: for the experiment {of} alone" in done.err
