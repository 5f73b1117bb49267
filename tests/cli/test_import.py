"""`tollway import litellm`: writes a fleet file that passes, and says what it does not carry."""

import json
from pathlib import Path

import pytest

from tollway.cli.app import run

CONFIG = """\
model_list:
  - model_name: chat
    litellm_params:
      model: openai/gpt-5-mini
      api_key: sk-plain-secret
      temperature: 0.2
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-5, api_key: os.environ/ANTHROPIC_API_KEY}
router_settings:
  fallbacks: [{chat: [claude]}]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def test_what_is_written_passes_check_and_each_loss_has_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["import", "litellm", "config.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out == "fleet.toml\n"
    lines = err.splitlines()
    assert lines[0].startswith("config.yaml:5: model_list[0].api_key: a key stands here in plain")
    assert lines[1].startswith("config.yaml:6: model_list[0].litellm_params.temperature: Tollway")
    assert lines[2].startswith("Wrote fleet.toml: 2 of 2 deployments; 2 lines are not carried")
    assert "prices update fleet.toml" in lines[3]
    assert "sk-plain-secret" not in err + Path("fleet.toml").read_text()
    assert run(["check"]) == 0
    assert "2 models, 2 sources, 2 routes, 1 tenant" in capsys.readouterr().out


def test_a_file_that_is_there_is_not_replaced_unless_told_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("fleet.toml").write_text("mine")
    assert run(["import", "litellm", "config.yaml"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert Path("fleet.toml").read_text() == "mine"
    assert run(["import", "litellm", "config.yaml", "--out", "other.toml"]) == 0
    assert run(["import", "litellm", "config.yaml", "--force"]) == 0
    assert Path("fleet.toml").read_text() == Path("other.toml").read_text()


def test_json_has_the_notes(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "teams.json").write_text('[{"team_id": "t", "rpm_limit": 3}]')
    (here / "keys.json").write_text('[{"team_id": "t", "key_alias": "night"}]')
    exports = ["--teams", "teams.json", "--keys", "keys.json"]
    assert run(["import", "litellm", "config.yaml", *exports, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert (found["carried"], found["listed"], found["unpriced"]) == (2, 2, ["chat", "claude"])
    assert [(it["file"], it["line"]) for it in found["notes"]] == [
        ("config.yaml", 5),
        ("config.yaml", 6),
    ]
    assert found["keys"] == ["tollway keys create --tenant t --name night"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [", "config.yaml: line 1 is not YAML"),
        (b"\xff\xfe", "config.yaml is not UTF-8. Save the file as UTF-8."),
        (b"a: 1", "has no model_list"),
        (None, "config.yaml: no such file or directory"),
    ],
)
def test_what_is_no_configuration_is_refused(
    capsys: pytest.CaptureFixture[str], here: Path, content: bytes | None, words: str
) -> None:
    (here / "config.yaml").unlink()
    if content is not None:
        (here / "config.yaml").write_bytes(content)
    assert run(["import", "litellm", "config.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert not (here / "fleet.toml").exists()
