"""Logs as AI tools leave them, made up by hand in each tool's form, beside what really happened.

Every text in them is the word SECRET, so that a test sees where one leaks.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
SECRET = "SECRET-prompt-text"


def stamp(at: datetime) -> str:
    """As JavaScript writes a moment."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class Happened:
    """One request as it really was. `input` includes cached and written."""

    tool: str
    model: str
    at: datetime
    input: int
    output: int
    cached: int = 0
    write: int = 0
    write_1h: int = 0
    requests: int = 1


@dataclass(slots=True)
class Home:
    """A made-up home, and what happened there."""

    path: Path
    happened: list[Happened] = field(default_factory=list)

    def write(self, name: str, lines: Iterable[object] | str) -> Path:
        """Write a file of JSON lines, or of text."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = lines if isinstance(lines, str) else "".join(map(json_line, lines))
        path.write_text(text)
        return path


def json_line(value: object) -> str:
    """Compact JSON and a newline, as all these tools write it."""
    return json.dumps(value, separators=(",", ":")) + "\n"


# --- Claude Code --------------------------------------------------------------------------------


def asked(session: str, at: datetime, **more: Any) -> dict[str, Any]:
    """The line of a prompt, or of a tool's result."""
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/someone/SECRET-project",
        "sessionId": session,
        "version": "2.1.330",
        "type": "user",
        "message": {"role": "user", "content": SECRET},
        "uuid": f"u-{session}-{at.timestamp()}",
        "timestamp": stamp(at),
        **more,
    }


def answered(
    session: str, message: str, at: datetime, usage: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """The line of one content block of an answer."""
    model = more.pop("model", "claude-opus-5")
    stop = more.pop("stop_reason", None)
    return {
        "parentUuid": "u",
        "isSidechain": False,
        "cwd": "/home/someone/SECRET-project",
        "sessionId": session,
        "version": "2.1.330",
        "type": "assistant",
        "requestId": f"req_{message}",
        "message": {
            "id": message,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": SECRET}],
            "stop_reason": stop,
            "usage": usage,
        },
        "uuid": f"a-{message}-{at.timestamp()}",
        "timestamp": stamp(at),
        **more,
    }


def claude_usage(
    fresh: int, read: int, write: int, output: int, *, hour: bool = False
) -> dict[str, Any]:
    """The usage of an answer, or of as much of it as there is."""
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": write,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 0 if hour else write,
            "ephemeral_1h_input_tokens": write if hour else 0,
        },
        "output_tokens": output,
        "service_tier": "standard",
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    }


def claude_session(home: Home, session: str, start: datetime, turns: int) -> list[dict[str, Any]]:
    """A session's lines: each answer in two blocks, the first with a part of its usage. Every
    fourth pause is ten minutes, so that the cache is written anew."""
    lines: list[dict[str, Any]] = [{"type": "summary", "summary": SECRET, "leafUuid": "x"}]
    at, context = start, 20_000
    for turn in range(turns):
        cold = turn % 4 == 0
        read, write = (0, context) if cold else (context - 1_500, 1_500)
        output = 200 + 10 * turn
        message = f"msg_{session}_{turn}"
        lines.append(asked(session, at))
        done = at + timedelta(seconds=2 + output / 50)
        first = claude_usage(4, read, write, 1)
        lines.append(answered(session, message, at + timedelta(seconds=2), first))
        whole = claude_usage(4, read, write, output)
        lines.append(answered(session, message, done, whole, stop_reason="tool_use"))
        home.happened.append(
            Happened("claude-code", "claude-opus-5", at, 4 + read + write, output, read, write)
        )
        context += 1_500
        at = done + timedelta(seconds=600 if turn % 4 == 3 else 5)
    return lines


# --- Codex --------------------------------------------------------------------------------------


def codex_line(at: datetime, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """One line of a rollout file."""
    return {"timestamp": stamp(at), "type": kind, "payload": payload}


def codex_tokens(given: int, cached: int, output: int, reasoning: int = 0) -> dict[str, int]:
    """A usage in Codex's words."""
    return {
        "input_tokens": given,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": given + output,
    }


def codex_count(at: datetime, total: dict[str, int], last: dict[str, int]) -> dict[str, Any]:
    """A token_count event."""
    info = {"total_token_usage": total, "last_token_usage": last, "model_context_window": 272_000}
    return codex_line(at, "event_msg", {"type": "token_count", "info": info, "rate_limits": None})


def codex_session(
    home: Home, session: str, start: datetime, turns: int, **meta: Any
) -> list[dict[str, Any]]:
    """A rollout's lines; each count is written twice, as a change of rate limits does."""
    cwd = "/home/someone/SECRET-project"
    about = {"id": session, "timestamp": stamp(start), "cwd": cwd, "model_provider": "openai"}
    lines = [codex_line(start, "session_meta", {**about, **meta})]
    context = {"cwd": cwd, "model": "gpt-5.3-codex", "effort": "high"}
    lines.append(codex_line(start, "turn_context", context))
    at, total = start, codex_tokens(0, 0, 0)
    for turn in range(turns):
        given, output = 10_000 + 2_000 * turn, 300 + turn
        cached = 0 if turn == 0 else given - 2_000
        said = {"type": "message", "role": "user", "content": [{"text": SECRET}]}
        lines.append(codex_line(at, "event_msg", {"type": "task_started", "turn_id": str(turn)}))
        lines.append(codex_line(at, "response_item", said))
        first = at + timedelta(seconds=3)
        thought = {"type": "reasoning", "summary": [], "encrypted_content": SECRET}
        lines.append(codex_line(first, "response_item", thought))
        done = at + timedelta(seconds=3 + output / 60)
        last = codex_tokens(given, cached, output, 100)
        total = {name: total[name] + last[name] for name in total}
        lines += [codex_count(done, total, last)] * 2
        end = {"type": "task_complete", "turn_id": str(turn), "time_to_first_token_ms": 1_500}
        lines.append(codex_line(done, "event_msg", end))
        home.happened.append(Happened("codex", "gpt-5.3-codex", at, given, output, cached))
        at = done + timedelta(seconds=20)
    return lines


# --- Gemini CLI ---------------------------------------------------------------------------------


def gemini_message(name: str, at: datetime, **tokens: int) -> dict[str, Any]:
    """A message of a chat; one without tokens is the user's."""
    said = {"id": name, "timestamp": stamp(at), "type": "user", "content": SECRET}
    if not tokens:
        return said
    return {**said, "type": "gemini", "model": "gemini-3.6-flash", "tokens": tokens}


def gemini_chat(home: Home, session: str, start: datetime, turns: int) -> list[dict[str, Any]]:
    """The messages of a chat."""
    messages: list[dict[str, Any]] = []
    for turn in range(turns):
        at = start + timedelta(minutes=turn)
        given, output, thoughts = 5_000 + 1_000 * turn, 100 + turn, 50
        cached = 0 if turn == 0 else 4_096
        messages.append(gemini_message(f"{session}-u{turn}", at))
        messages.append(
            gemini_message(
                f"{session}-g{turn}",
                at + timedelta(seconds=4),
                input=given,
                output=output,
                cached=cached,
                thoughts=thoughts,
                tool=0,
                total=given + output + thoughts,
            )
        )
        home.happened.append(
            Happened("gemini-cli", "gemini-3.6-flash", at, given, output + thoughts, cached)
        )
    return messages


# --- exports, proxies, engines ------------------------------------------------------------------

OPENAI_COLUMNS = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,"
    "api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,"
    "input_uncached_tokens\n"
)
ANTHROPIC_COLUMNS = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,"
    "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
    "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,"
    "web_search_count,inference_geo,speed\n"
)
COST_COLUMNS = (
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,"
    "list_price_usd,cost_type,inference_geo,speed\n"
)


def openai_csv(home: Home) -> str:
    """Two days of one model, the second in a batch."""
    rows = ""
    for day in range(2):
        at = START.replace(hour=0) + timedelta(days=day)
        begin, end = int(at.timestamp()), int(at.timestamp()) + 86_400
        rows += (
            f"{begin},{end},{at.isoformat()},{(at + timedelta(days=1)).isoformat()},proj_a,40.0,,"
            f"key_a,gpt-5.4-mini,{day == 1},default,400000,20000,100000,300000\n"
        )
        home.happened.append(
            Happened("openai-export", "gpt-5.4-mini", at, 400_000, 20_000, 100_000, requests=40)
        )
    return OPENAI_COLUMNS + rows


def anthropic_csv(home: Home) -> str:
    """A day of one model, with writes of both lives."""
    at = START.replace(hour=0)
    home.happened.append(
        Happened(
            "anthropic-export", "claude-haiku-4-5", at, 1_000_000, 9_000, 800_000, 50_000, 50_000, 0
        )
    )
    return ANTHROPIC_COLUMNS + (
        "2026-11-10,claude-haiku-4-5,key,Default,standard,≤ 200k,100000,50000,50000,800000,9000,"
        "0,global,\n"
    )


def litellm_rows(home: Home, count: int) -> list[dict[str, Any]]:
    """Rows of a spend table, as the admin API gives them."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        at = START + timedelta(minutes=number)
        given, output = 1_000 + number, 100 + number
        rows.append(
            {
                "request_id": f"chatcmpl-{number}",
                "call_type": "acompletion",
                "api_key": "hashed",
                "spend": 0.0025,
                "total_tokens": given + output,
                "prompt_tokens": given,
                "completion_tokens": output,
                "startTime": stamp(at),
                "completionStartTime": stamp(at + timedelta(milliseconds=400)),
                "endTime": stamp(at + timedelta(milliseconds=400 + 10 * output)),
                "model": "openai/gpt-5.4-mini",
                "custom_llm_provider": "openai",
                "messages": [{"role": "user", "content": SECRET}],
                "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 500}}},
                "cache_hit": "False",
            }
        )
        home.happened.append(Happened("litellm", "gpt-5.4-mini", at, given, output, 500))
    return rows


def spend_database(path: Path, rows: list[dict[str, Any]]) -> None:
    """The same rows as a SQLite table."""
    columns = list(rows[0])
    with closing(sqlite3.connect(path)) as database:
        database.execute(f'CREATE TABLE "LiteLLM_SpendLogs" ({", ".join(columns)})')
        places = ", ".join("?" * len(columns))
        database.executemany(
            f'INSERT INTO "LiteLLM_SpendLogs" VALUES ({places})',
            [
                tuple(json.dumps(v) if isinstance(v, dict | list) else v for v in row.values())
                for row in rows
            ],
        )
        database.commit()


def vllm_log(lines: int) -> str:
    """A log with statistics every ten seconds: 1,000 tokens/s in, 200 out, 4 running."""
    text = "INFO 11-10 08:59:00 [api_server.py:1] args: served_model_name=['own-llama']\n"
    for number in range(lines):
        at = START + timedelta(seconds=10 * number)
        text += (
            f"INFO {at:%m-%d %H:%M:%S} [logger.py:43] Received request chatcmpl-{number}: "
            f"prompt: '{SECRET}', params: SamplingParams(n=1)\n"
            f"(APIServer pid=1) INFO {at:%m-%d %H:%M:%S} [loggers.py:221] Engine 000: "
            "Avg prompt throughput: 1000.0 tokens/s, Avg generation throughput: 200.0 tokens/s, "
            "Running: 4 reqs, Waiting: 0 reqs, GPU KV cache usage: 1.0%, "
            "Prefix cache hit rate: 25.0%\n"
        )
    return text


def whole_home(path: Path) -> Home:
    """A home with every tool's logs, and exports in a folder `exports`."""
    home = Home(path)
    project = ".claude/projects/-home-someone-SECRET-project"
    first = claude_session(home, "s1", START, 12)
    home.write(f"{project}/s1.jsonl", first)
    # Resumed: the copies of the first two answers must not count again.
    home.write(f"{project}/s2.jsonl", [*first[:7], *claude_session(home, "s2", START, 6)])
    day = ".codex/sessions/2026/11/10"
    parent = codex_session(home, "019a-parent", START, 5)
    home.write(f"{day}/rollout-2026-11-10T09-00-00-019a-parent.jsonl", parent)
    gemini = ".gemini/tmp/0a1b/chats"
    about = {"sessionId": "g1", "projectHash": "0a1b", "startTime": stamp(START)}
    home.write(f"{gemini}/session-g1.jsonl", [about, *gemini_chat(home, "g1", START, 4)])
    chat = {"sessionId": "g2", "projectHash": "0a1b", "messages": gemini_chat(home, "g2", START, 3)}
    home.write(f"{gemini}/session-g2.json", json.dumps(chat, indent=2))
    home.write("exports/openai.csv", openai_csv(home))
    home.write("exports/anthropic.csv", anthropic_csv(home))
    home.write("exports/spend.json", json.dumps(litellm_rows(home, 30)))
    return home
