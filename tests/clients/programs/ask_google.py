"""Does the task with Google's SDK: jobs as JSON on stdin, what came of them on stdout.

A job is {"api", "url", "key", "model", "stream"}; the api "models" lists them. What came of it is
as in `sdks.expected`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from google.genai import Client, types

TASK = json.loads(Path(__file__).with_name("task.json").read_text())
GIVES = {tool["name"]: tool["gives"] for tool in TASK["tools"]}
CONFIG = types.GenerateContentConfig(
    system_instruction=TASK["system"],
    thinking_config=types.ThinkingConfig(include_thoughts=True),
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(
                    name=tool["name"],
                    description=tool["description"],
                    parameters_json_schema=tool["parameters"],
                )
                for tool in TASK["tools"]
            ]
        )
    ],
)


def ask(client: Client, job: dict[str, Any], contents: list[Any]) -> tuple[list[Any], str, Any]:
    """The parts of the answer, why it ended, and its usage."""
    said: dict[str, Any] = {"model": job["model"], "contents": contents, "config": CONFIG}
    if not job["stream"]:
        answers = [client.models.generate_content(**said)]
    else:
        answers = list(client.models.generate_content_stream(**said))
    parts = [
        part
        for answer in answers
        if answer.candidates and answer.candidates[0].content
        for part in answer.candidates[0].content.parts or ()
    ]
    last = answers[-1]
    assert last.candidates
    assert last.candidates[0].finish_reason
    return parts, last.candidates[0].finish_reason.name, last.usage_metadata


def do(job: dict[str, Any]) -> dict[str, Any]:
    options = types.HttpOptions(base_url=job["url"], timeout=20_000)
    with Client(api_key=job["key"], http_options=options) as client:
        if job["api"] == "models":
            names = [model.name or "" for model in client.models.list()]
            return {"models": [name.removeprefix("models/") for name in names]}
        contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=TASK["prompt"])])]
        parts, stop, usage = ask(client, job, contents)
        calls = [part.function_call for part in parts if part.function_call]
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"output": GIVES[call.name]}
                )
            )
            for call in calls
        ]
        contents += [
            types.Content(role="model", parts=parts),
            types.Content(role="user", parts=results),
        ]
        final, last_stop, _ = ask(client, job, contents)
    return {
        "thought": "".join(part.text or "" for part in parts if part.thought),
        "text": "".join(part.text or "" for part in parts if not part.thought),
        "calls": [[call.name, call.args] for call in calls],
        "final": "".join(part.text or "" for part in final if not part.thought),
        "stops": [stop, last_stop],
        "usage": [
            usage.prompt_token_count,
            usage.cached_content_token_count,
            usage.candidates_token_count + (usage.thoughts_token_count or 0),
        ],
    }


def came(job: dict[str, Any]) -> dict[str, Any]:
    try:
        return do(job)
    except Exception as error:  # noqa: BLE001 - one job's failure must not hide the others
        return {"error": repr(error)}


print(json.dumps([came(job) for job in json.load(sys.stdin)]))
