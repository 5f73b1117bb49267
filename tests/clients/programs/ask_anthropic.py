"""Does the task with Anthropic's SDK: jobs as JSON on stdin, what came of them on stdout.

A job is {"api", "url", "key", "model", "stream"}; the api "models" lists them. What came of it is
as in `sdks.expected`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from anthropic import Anthropic

TASK = json.loads(Path(__file__).with_name("task.json").read_text())
GIVES = {tool["name"]: tool["gives"] for tool in TASK["tools"]}
TOOLS: Any = [
    {
        "name": tool["name"],
        "description": tool["description"],
        "input_schema": tool["parameters"],
    }
    for tool in TASK["tools"]
]


def do(job: dict[str, Any]) -> dict[str, Any]:
    with Anthropic(base_url=job["url"], api_key=job["key"], max_retries=0, timeout=20) as client:
        if job["api"] == "models":
            return {"models": [model.id for model in client.models.list()]}
        messages: list[Any] = [{"role": "user", "content": TASK["prompt"]}]
        first = ask(client, job, messages)
        calls = [block for block in first.content if block.type == "tool_use"]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": GIVES[call.name]}
            for call in calls
        ]
        messages += [
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        last = ask(client, job, messages)
    return {
        "thought": "".join(one.thinking for one in first.content if one.type == "thinking"),
        "text": "".join(one.text for one in first.content if one.type == "text"),
        "calls": [[call.name, call.input] for call in calls],
        "final": "".join(one.text for one in last.content if one.type == "text"),
        "stops": [first.stop_reason, last.stop_reason],
        "usage": [
            first.usage.input_tokens
            + first.usage.cache_read_input_tokens
            + (first.usage.cache_creation_input_tokens or 0),
            first.usage.cache_read_input_tokens,
            first.usage.output_tokens,
        ],
    }


def ask(client: Anthropic, job: dict[str, Any], messages: list[Any]) -> Any:
    said: dict[str, Any] = {
        "model": job["model"],
        "max_tokens": 4000,
        "system": TASK["system"],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "tools": TOOLS,
        "messages": messages,
    }
    if not job["stream"]:
        return client.messages.create(**said)
    with client.messages.stream(**said) as stream:
        return stream.get_final_message()


def came(job: dict[str, Any]) -> dict[str, Any]:
    try:
        return do(job)
    except Exception as error:  # noqa: BLE001 - one job's failure must not hide the others
        return {"error": repr(error)}


print(json.dumps([came(job) for job in json.load(sys.stdin)]))
