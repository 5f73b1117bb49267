"""Does the task with OpenAI's SDK: jobs as JSON on stdin, what came of them on stdout.

A job is {"api", "url", "key", "model", "stream"}; the api "models" lists them. What came of it is
as in `sdks.expected`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from openai import OpenAI

TASK = json.loads(Path(__file__).with_name("task.json").read_text())
GIVES = {tool["name"]: tool["gives"] for tool in TASK["tools"]}


def chat(client: OpenAI, job: dict[str, Any]) -> dict[str, Any]:
    tools: Any = [
        {"type": "function", "function": {k: v for k, v in tool.items() if k != "gives"}}
        for tool in TASK["tools"]
    ]
    messages: list[Any] = [
        {"role": "system", "content": TASK["system"]},
        {"role": "user", "content": TASK["prompt"]},
    ]

    def ask() -> Any:
        said: dict[str, Any] = {"model": job["model"], "messages": messages, "tools": tools}
        if not job["stream"]:
            return client.chat.completions.create(**said)
        with client.chat.completions.stream(
            **said, stream_options={"include_usage": True}
        ) as stream:
            return stream.get_final_completion()

    first = ask()
    message = first.choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    messages.extend(
        {"role": "tool", "tool_call_id": call.id, "content": GIVES[call.function.name]}
        for call in message.tool_calls
    )
    last = ask()
    return {
        "thought": getattr(message, "reasoning_content", None) or "",
        "text": message.content or "",
        "calls": [
            [call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls
        ],
        "final": last.choices[0].message.content,
        "stops": [first.choices[0].finish_reason, last.choices[0].finish_reason],
        "usage": [
            first.usage.prompt_tokens,
            first.usage.prompt_tokens_details.cached_tokens,
            first.usage.completion_tokens,
        ],
    }


def responses(client: OpenAI, job: dict[str, Any]) -> dict[str, Any]:
    tools: Any = [
        {"type": "function", "strict": False, **{k: v for k, v in tool.items() if k != "gives"}}
        for tool in TASK["tools"]
    ]
    items: list[Any] = [{"role": "user", "content": TASK["prompt"]}]

    def ask() -> Any:
        said: dict[str, Any] = {
            "model": job["model"],
            "instructions": TASK["system"],
            "input": items,
            "tools": tools,
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "medium", "summary": "auto"},
        }
        if not job["stream"]:
            return client.responses.create(**said)
        with client.responses.stream(**said) as stream:
            return stream.get_final_response()

    first = ask()
    calls = [item for item in first.output if item.type == "function_call"]
    thoughts = [item for item in first.output if item.type == "reasoning"]
    items += [item.model_dump(exclude_none=True) for item in first.output]
    items += [
        {"type": "function_call_output", "call_id": call.call_id, "output": GIVES[call.name]}
        for call in calls
    ]
    last = ask()
    return {
        # What a model says of its thoughts, or the thoughts themselves.
        "thought": "".join(
            part.text for item in thoughts for part in [*item.summary, *(item.content or ())]
        ),
        "text": first.output_text,
        "calls": [[call.name, json.loads(call.arguments)] for call in calls],
        "final": last.output_text,
        "stops": [first.status, last.status],
        "usage": [
            first.usage.input_tokens,
            first.usage.input_tokens_details.cached_tokens,
            first.usage.output_tokens,
        ],
    }


def do(job: dict[str, Any]) -> dict[str, Any]:
    client = OpenAI(base_url=f"{job['url']}/v1", api_key=job["key"], max_retries=0, timeout=20)
    with client:
        if job["api"] == "models":
            return {"models": [model.id for model in client.models.list()]}
        return (chat if job["api"] == "openai" else responses)(client, job)


def came(job: dict[str, Any]) -> dict[str, Any]:
    try:
        return do(job)
    except Exception as error:  # noqa: BLE001 - one job's failure must not hide the others
        return {"error": repr(error)}


print(json.dumps([came(job) for job in json.load(sys.stdin)]))
