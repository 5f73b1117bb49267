"""Puts a drift test's questions to a source: straight, or through the running gateway.

Rules
1. Straight, the source gets its own credential and nothing else; through the gateway a question is
   a request like any other: limits, budgets, guard and ledger hold.
2. No more is asked at once than was said, and no connection outlives its question.
3. A source that refuses 20 log-probabilities is asked for 5, then for none.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import quote, urlsplit

import msgspec

from tollway.dialects.meaning import Ask, Fault, Text, Turn
from tollway.dialects.registry import FORMS
from tollway.fleet.objects import Dialect
from tollway.gateway.upstream import ANTHROPIC_VERSION, Origin
from tollway.pins.drift.asking import LISTED, Asking, Heard, Question, Reply, Unheard, Wave

PATIENCE: Final = 60.0
MOST_AT_ONCE: Final = 64
_LARGEST: Final = 4 * 2**20
_FEWER: Final = 5
_WAYS: Mapping[Dialect, tuple[str, str]] = {
    "openai": ("/chat/completions", "authorization: Bearer {}"),
    "responses": ("/responses", "authorization: Bearer {}"),
    "anthropic": ("/messages", "x-api-key: {}"),
    "gemini": ("", "x-goog-api-key: {}"),
}

T = TypeVar("T")


class Asker(Protocol):
    """Whoever can be asked."""

    def ask(self, question: Question) -> Reply: ...


def drive(asking: Asking[T], asker: Asker) -> T:
    """Ask what is wanted, until there is a result."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        replies: Sequence[Reply] | None = None
        while True:
            try:
                # A generator that has not begun takes None and nothing else.
                wave = next(asking) if replies is None else asking.send(replies)
            except StopIteration as over:
                return over.value
            replies = _side_by_side(asker, wave, pool)


def _side_by_side(asker: Asker, wave: Wave, pool: ThreadPoolExecutor) -> list[Reply]:
    """Each question as soon as one of those before it is answered."""
    if wave.at_once == 1:
        return [asker.ask(it) for it in wave.questions]
    places = threading.Semaphore(wave.at_once)

    def ask(question: Question) -> Reply:
        with places:
            return asker.ask(question)

    return list(pool.map(ask, wave.questions))


class Straight:
    """A source's model, asked without a gateway. `model` is as the source knows it."""

    def __init__(self, origin: Origin, model: str) -> None:
        self._origin = origin
        self._model = model
        self._listed = LISTED
        dialects = origin.source.dialects
        self._dialect: Dialect = "openai" if "openai" in dialects else dialects[0]

    def ask(self, question: Question) -> Reply:
        """See `Asker`."""
        if self._dialect != "openai":
            return self._spoken(question)
        if not (question.logprobs and self._listed):
            return self._sent("/chat/completions", openai_body(question, self._model, 0), heard)
        body = openai_body(question, self._model, self._listed)
        reply = self._sent("/chat/completions", body, heard)
        if isinstance(reply, Unheard) and reply.refused:
            self._listed = _FEWER if self._listed > _FEWER else 0
            return self.ask(question)
        return reply

    def _spoken(self, question: Question) -> Reply:
        form = FORMS[self._dialect]
        turn = Turn("user", (Text(question.prompt),))
        ask = Ask(
            self._model, (turn,), max_output=question.tokens, temperature=question.temperature
        )
        path = _WAYS[self._dialect][0]
        if self._dialect == "gemini":
            path = f"/models/{quote(self._model, safe='')}:generateContent"
        try:
            body, _ = form.write_ask(ask, self._model)
        except Fault as fault:
            return Unheard(fault.message, refused=True)

        def read(said: bytes) -> Heard:
            answer = form.read_answer(said)
            parts = answer.choices[0].parts if answer.choices else ()
            words = "".join(it.text for it in parts if isinstance(it, Text))
            return Heard(words, None, answer.model)

        return self._sent(path, body, read)

    def _sent(self, path: str, body: bytes, read: Callable[[bytes], Heard]) -> Reply:
        lines = {"content-type": "application/json"}
        said = fetched(self._origin, self._dialect, "POST", path, body, lines)
        if isinstance(said, Unheard):
            return said
        return _read(read, said)


def fetched(
    origin: Origin,
    dialect: Dialect,
    method: str,
    path: str,
    body: bytes | None,
    lines: Mapping[str, str],
) -> bytes | Unheard:
    """The body of a source's good answer."""
    url = urlsplit(origin.source.base_url)
    headers = {**lines, "user-agent": "tollway", "accept-encoding": "identity"}
    if dialect == "anthropic":
        headers["anthropic-version"] = ANTHROPIC_VERSION
    if origin.secret:
        name, _, value = _WAYS[dialect][1].format(origin.secret).partition(": ")
        headers[name] = value
    host, port = url.hostname or "", url.port
    connection = (
        http.client.HTTPConnection(host, port, timeout=PATIENCE)
        if origin.tls is None
        else http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=origin.tls)
    )
    return _exchanged(connection, method, url.path.rstrip("/") + path, body, headers)


class Through:
    """A source's model, asked through the gateway whose admin socket is at `path`: `pair` is
    "source:model", `route` one that leads there, `key` pays."""

    def __init__(self, path: Path, pair: str, route: str, key: str) -> None:
        self._path = path
        self._route = route
        self._listed = LISTED
        self._headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "x-tollway-only": pair,
            "x-tollway-class": "batch",
            "x-tollway-tag": "drift",
        }

    def ask(self, question: Question) -> Reply:
        """See `Asker`."""
        listed = self._listed if question.logprobs else 0
        body = openai_body(question, self._route, listed)
        connection = _OverSocket(self._path)
        said = _exchanged(connection, "POST", "/v1/chat/completions", body, self._headers)
        if not isinstance(said, Unheard):
            return _read(heard, said)
        if said.refused and listed:
            self._listed = _FEWER if listed > _FEWER else 0
            return self.ask(question)
        return said


def told(path: Path, what: str, body: object) -> bytes | Unheard:
    """POST to the admin socket at `path`."""
    headers = {"content-type": "application/json"}
    return _exchanged(_OverSocket(path), "POST", what, msgspec.json.encode(body), headers)


def openai_body(question: Question, model: str, listed: int) -> bytes:
    """A question in Chat Completions' words, with so many log-probabilities."""
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": "user", "content": question.prompt}],
        "max_tokens": question.tokens,
        "temperature": question.temperature,
    }
    if listed:
        body |= {"logprobs": True, "top_logprobs": listed}
    return msgspec.json.encode(body)


def heard(said: bytes) -> Heard:
    """What a body of Chat Completions says.

    Raises:
        ValueError, LookupError, TypeError: it says nothing of the kind.
    """
    body = cast("dict[str, Any]", msgspec.json.decode(said))
    choice = body["choices"][0]
    content = (choice.get("logprobs") or {}).get("content") or []
    first: dict[str, float] = {}
    for it in content[0].get("top_logprobs") or () if content else ():
        token, value = str(it["token"]), float(it["logprob"])
        first[token] = max(value, first.get(token, value))
    text = choice["message"].get("content") or ""
    return Heard(
        str(text), first or None, str(body.get("model") or ""),
        str(body.get("system_fingerprint") or ""),
    )  # fmt: skip


def _read(read: Callable[[bytes], Heard], said: bytes) -> Reply:
    try:
        return read(said)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Unheard("its answer cannot be understood")


def _exchanged(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> bytes | Unheard:
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read(_LARGEST)
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        return Unheard(f"it cannot be reached: {type(error).__name__}")
    finally:
        connection.close()
    if answer.status == 200:
        return said
    return Unheard(_refusal(answer.status, said), refused=answer.status in (400, 404, 422))


def _refusal(status: int, said: bytes) -> str:
    """Our own codes are repeated; a provider's text may quote a credential."""
    try:
        code = msgspec.json.decode(said)["error"].get("code")
    except (msgspec.MsgspecError, LookupError, TypeError, AttributeError):
        code = None
    if code == "budget_day":
        return "the budget of this day is used up"
    known = isinstance(code, str) and len(code) <= 40 and code.replace("_", "").isalnum()
    return f"it answers with status {status}" + (f" ({code})" if known else "")


class _OverSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
