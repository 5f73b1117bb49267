"""The agent CLIs, each doing the same task: read two files at once, write a third, say so."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from programs import Launch, Ran, needs, node, run
from transcripts import Call, Json, Thought, Transcript, Turn

TASK = "Put the lines of red.txt and blue.txt into both.txt."
RED, BLUE = "The fox is red.\n", "The whale is blue.\n"
DONE = "Done: both.txt holds a fox and a whale."
THOUGHT = "Two files, both to be read."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a CLI works (`work`, `home`: empty folders of its own), and what it is pointed at."""

    work: Path
    home: Path
    url: str
    key: str
    model: str
    proxy: str


@dataclass(frozen=True, slots=True)
class Cli:
    """One agent CLI. `model` is one that it knows by name. `calls` are the tool calls, in its own
    tools' words, that do the task in a folder: two to read with, then one to write with. `look` is
    the call that looks at an image. `said` finds its last words in what it printed."""

    name: str
    api: Literal["responses", "anthropic", "gemini"]
    model: str
    launch: Callable[[Place], Launch]
    calls: Callable[[Path], tuple[Call, Call, Call]]
    look: Callable[[Path], Call]
    said: Callable[[str], str]


def transcript(cli: Cli, work: Path) -> Transcript:
    """What the model says to the task; it goes on once it has seen what the tools gave."""
    red, blue, both = cli.calls(work)
    return (
        Turn((Thought(THOUGHT, "c2lnbmVkOm9uZQ=="), "I will read both.", red, blue), (TASK,)),
        Turn((Thought("Now to write.", "c2lnbmVkOnR3bw=="), both), (RED.strip(), BLUE.strip())),
        Turn((DONE,)),
    )


async def do(cli: Cli, place: Place) -> Ran:
    """Let it do the task in `place.work`, which gets the two files."""
    return await do_in(cli, place, ())


async def do_in(cli: Cli, place: Place, settings: tuple[str, ...]) -> Ran:
    """The same, with more arguments at the end."""
    (place.work / "red.txt").write_text(RED)
    (place.work / "blue.txt").write_text(BLUE)
    launch = cli.launch(place)
    return await run(replace(launch, argv=(*launch.argv, *settings)))


# --- what the guide says, which is what is tested ---

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "clients.md"
ADDRESS, KEY, ROUTE = "http://127.0.0.1:8400", "tw_...", "coding"
"""What the guide writes for a place's own."""


def _from_guide(block: str, place: Place) -> str:
    found = re.search(rf"^```{block}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/guides/clients.md has no block {block!r}"
    text = found[1].replace(ADDRESS, place.url).replace(KEY, place.key)
    return text.replace(f'"{ROUTE}"', f'"{place.model}"')


def _exports(text: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE))


# --- Claude Code ---


def _launch_claude(place: Place) -> Launch:
    wrapper = needs("@anthropic-ai/claude-code") / "cli-wrapper.cjs"
    argv = (node(), str(wrapper), "-p", TASK, "--model", place.model)
    argv += ("--allowedTools", "Read,Write", "--output-format", "json")
    environment = _exports(_from_guide("sh claude", place)) | {"CLAUDE_CODE_MAX_RETRIES": "0"}
    return Launch(argv, place.work, place.home, place.proxy, environment)


def _claude_calls(work: Path) -> tuple[Call, Call, Call]:
    return (
        Call("toolu_1", "Read", {"file_path": str(work / "red.txt")}),
        Call("toolu_2", "Read", {"file_path": str(work / "blue.txt")}),
        Call("toolu_3", "Write", {"file_path": str(work / "both.txt"), "content": RED + BLUE}),
    )


def _claude_said(out: str) -> str:
    return json.loads(out)["result"]


# --- Codex ---


def _launch_codex(place: Place) -> Launch:
    program = needs("@openai/codex") / "bin" / "codex.js"
    folder = place.home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(_from_guide("toml codex", place))
    argv = (node(), str(program), "exec", "--json", "--skip-git-repo-check")
    for retries in ("request_max_retries", "stream_max_retries"):
        argv += ("-c", f"model_providers.tollway.{retries}=0")
    # Its sandbox is not what is tested, and wants more of a machine than CI has.
    argv += ("--dangerously-bypass-approvals-and-sandbox", TASK)
    return Launch(argv, place.work, place.home, place.proxy, {"TOLLWAY_KEY": place.key})


def _codex_calls(work: Path) -> tuple[Call, Call, Call]:
    return (
        Call("call_1", "exec_command", {"cmd": "cat red.txt"}),
        Call("call_2", "exec_command", {"cmd": "cat blue.txt"}),
        Call("call_3", "exec_command", {"cmd": "cat red.txt blue.txt >both.txt"}),
    )


def _codex_said(out: str) -> str:
    items: list[Json] = [json.loads(line).get("item", {}) for line in out.splitlines()]
    return [item["text"] for item in items if item.get("type") == "agent_message"][-1]


# --- Gemini CLI ---


def _launch_gemini(place: Place) -> Launch:
    program = needs("@google/gemini-cli") / "bundle" / "gemini.js"
    folder = place.home / ".gemini"
    folder.mkdir()
    settings = json.loads(_from_guide("json gemini", place))
    settings["general"]["maxAttempts"] = 1
    (folder / "settings.json").write_text(json.dumps(settings))
    argv = (node(), str(program), "-p", TASK, "--model", place.model, "--output-format", "json")
    argv += ("--approval-mode", "yolo", "--skip-trust")
    environment = _exports(_from_guide("sh gemini", place))
    return Launch(argv, place.work, place.home, place.proxy, environment)


def _gemini_calls(work: Path) -> tuple[Call, Call, Call]:
    return (
        Call("call_1", "read_file", {"file_path": str(work / "red.txt")}),
        Call("call_2", "read_file", {"file_path": str(work / "blue.txt")}),
        Call("call_3", "write_file", {"file_path": str(work / "both.txt"), "content": RED + BLUE}),
    )


def _gemini_said(out: str) -> str:
    return json.loads(out)["response"]


CLAUDE_CODE = Cli(
    "Claude Code",
    "anthropic",
    "claude-sonnet-4-5",
    _launch_claude,
    _claude_calls,
    lambda image: Call("toolu_1", "Read", {"file_path": str(image)}),
    _claude_said,
)
CODEX = Cli(
    "Codex",
    "responses",
    "gpt-5.2",
    _launch_codex,
    _codex_calls,
    lambda image: Call("call_1", "view_image", {"path": str(image)}),
    _codex_said,
)
GEMINI_CLI = Cli(
    "Gemini CLI",
    "gemini",
    "gemini-3.1-pro-preview",
    _launch_gemini,
    _gemini_calls,
    lambda image: Call("call_1", "read_file", {"file_path": str(image)}),
    _gemini_said,
)
CLIS = (CLAUDE_CODE, CODEX, GEMINI_CLI)
