"""The official SDKs, each doing the same task: one prompt, two tools, one answer."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from programs import HERE, NPM, Launch, needs, node, run
from transcripts import USED, Call, Thought, Turn

TASK = json.loads((HERE / "task.json").read_text())
GIVES = [tool["gives"] for tool in TASK["tools"]]

WEATHER = (
    Turn(
        (
            Thought("Two questions, two tools.", "c2lnbmVkOm9uZQ=="),
            "Let me look – at both.",
            Call("call_1", "weather", {"city": 'Zürich "Altstadt"', "days": 2}),
            Call("call_2", "clock", {"zone": "Asia/Tokyo"}),
        ),
        (TASK["system"], TASK["prompt"]),
    ),
    Turn(("It is 18 °C in Zürich and 21:30 in Tokyo.",), tuple(GIVES)),
)
"""What the model says to the task."""


@dataclass(frozen=True, slots=True)
class Sdk:
    """One SDK speaking one API. `package` is npm's, None for Python."""

    name: str
    api: Literal["openai", "responses", "anthropic", "gemini"]
    program: str
    package: str | None = None


SDKS = (
    Sdk("openai, Python", "openai", "ask_openai.py"),
    Sdk("openai responses, Python", "responses", "ask_openai.py"),
    Sdk("anthropic, Python", "anthropic", "ask_anthropic.py"),
    Sdk("google-genai, Python", "gemini", "ask_google.py"),
    Sdk("openai, npm", "openai", "ask_openai.cjs", "openai"),
    Sdk("openai responses, npm", "responses", "ask_openai.cjs", "openai"),
    Sdk("@anthropic-ai/sdk, npm", "anthropic", "ask_anthropic.cjs", "@anthropic-ai/sdk"),
    Sdk("@google/genai, npm", "gemini", "ask_google.cjs", "@google/genai"),
)
STOPS = {
    "openai": ["tool_calls", "stop"],
    "responses": ["completed", "completed"],
    "anthropic": ["tool_use", "end_turn"],
    "gemini": ["STOP", "STOP"],
}
"""How each API says why it stopped: for tools, then at the end."""


@dataclass(frozen=True, slots=True)
class Job:
    """The task, to be done at `url`; with `listing` only the models there are asked for."""

    url: str
    key: str
    model: str
    stream: bool = False
    listing: bool = False


def expected(api: str) -> dict[str, Any]:
    """What comes of the task. `usage` is input, of that cached, and output, of the first answer."""
    first, last = WEATHER
    return {
        "thought": first.thoughts[0].text,
        "text": first.text,
        "calls": [[call.name, call.arguments] for call in first.calls],
        "final": last.text,
        "stops": STOPS[api],
        "usage": [USED.input, USED.cached, USED.output],
    }


async def do(sdk: Sdk, jobs: Sequence[Job], home: Path, proxy: str) -> list[dict[str, Any]]:
    """Do the jobs one after the other in one process of the SDK's own language. A job that failed
    says so as `error`."""
    if sdk.package is not None:
        needs(sdk.package)
    started = (sys.executable, "-W", "error") if sdk.program.endswith(".py") else (node(),)
    said = [
        {
            "api": "models" if job.listing else sdk.api,
            "url": job.url,
            "key": job.key,
            "model": job.model,
            "stream": job.stream,
        }
        for job in jobs
    ]
    argv = (*started, str(HERE / sdk.program))
    launch = Launch(argv, home, home, proxy, {"NODE_PATH": str(NPM)})
    ran = await run(launch, json.dumps(said).encode())
    if ran.code:
        pytest.fail(f"{sdk.name} ended with {ran.code}:\n{ran.err}")
    return json.loads(ran.out)
