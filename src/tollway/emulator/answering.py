"""Answers OpenAI's endpoints: what is asked for, how long it will be, and on which replica.

Rules
1. An answer ends where its text happens to end, after at least `min_tokens`, or at the client's
   own cap, whichever comes first; with `ignore_eos` it is exactly as long as the cap.
2. A client that leaves frees its sequence and its KV blocks at once.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tollway.emulator.asks import (
    Ask,
    ChatAsk,
    CompletionAsk,
    EmbeddingAsk,
    Message,
    Refusal,
    inputs,
    read,
)
from tollway.emulator.exchange import Exchange
from tollway.emulator.failures import Failure, Failures, parse_failure
from tollway.emulator.form import ChatForm, CompletionForm, Form
from tollway.emulator.replica import Pool, Replica, Stream
from tollway.emulator.script import Script
from tollway.emulator.telling import Telling, fail_at_once, send_body
from tollway.emulator.tokens import TokenCounter, encoding_for
from tollway.emulator.utterance import Heading, Piece, Utterance
from tollway.emulator.vectors import as_base64, vector
from tollway.emulator.words import natural_length, prose, seed_of
from tollway.errors import TollwayError

_MESSAGE_TOKENS = 4
"""Tokens that a chat template adds to each message, of the order that Llama 3's adds."""
_IMAGE_TOKENS = 256
"""Tokens of an image part. Assumed: engines differ widely."""
_EMBEDDING_SIZE = 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer decided on: its form, its words, the tokens of its prompt, and how it fails."""

    form: Form
    said: Utterance
    prompt: int
    failure: Failure | None


class Answering:
    """The endpoints of an engine over `pools`, by model name."""

    def __init__(
        self, pools: Mapping[str, Pool], failures: Failures, seed: int, script: Script | None
    ) -> None:
        self._pools = pools
        self._failures = failures
        self._seed = seed
        self._script = script
        self._answers = 0
        self._counters: dict[str, TokenCounter] = {}

    async def load(self) -> None:
        """Load the vocabularies that the pools count with."""
        for pool in self._pools.values():
            await self._counter(pool).load()

    async def health(self, exchange: Exchange) -> None:
        """`GET /health`."""
        await exchange.value({"status": "ok"})

    async def models(self, exchange: Exchange) -> None:
        """`GET /v1/models`."""
        data = [
            {
                "id": name,
                "object": "model",
                "created": 0,
                "owned_by": "tollway-emulator",
                "max_model_len": pool.deployment.context,
            }
            for name, pool in self._pools.items()
        ]
        await exchange.value({"object": "list", "data": data})

    async def chat(self, exchange: Exchange) -> None:
        """`POST /v1/chat/completions`."""
        ask = read(await exchange.body(), ChatAsk)
        pool = self._pool_for(ask)
        failure = self._failure(exchange, ask.model)
        if await fail_at_once(exchange, failure, ask.stream is True):
            return
        texts = [message.text() for message in ask.messages]
        prompt = await self._counter(pool).count([*texts, *_raw_texts(ask)])
        prompt += _MESSAGE_TOKENS * len(texts) + _IMAGE_TOKENS * _images(ask.messages)
        seed = seed_of(self._seed, ask.seed, ask.model, *texts)
        said = None if self._script is None else self._script.answer(ask.messages, seed)
        said = said or _prose(ask, pool, prompt, seed)
        form = ChatForm(self._heading("chatcmpl-", ask.model), ask.wants_usage)
        await self._tell(exchange, ask, _Answer(form, said, prompt, failure))

    async def completion(self, exchange: Exchange) -> None:
        """`POST /v1/completions`."""
        ask = read(await exchange.body(), CompletionAsk)
        pool = self._pool_for(ask)
        failure = self._failure(exchange, ask.model)
        if await fail_at_once(exchange, failure, ask.stream is True):
            return
        prompts = inputs(ask.prompt, "prompt")
        if len(prompts) > 1:
            raise Refusal(400, "The emulator answers one prompt a request.", param="prompt")
        first = prompts[0]
        prompt = first if isinstance(first, int) else await self._counter(pool).count([first])
        said = _prose(ask, pool, prompt, seed_of(self._seed, ask.seed, ask.model, first))
        form = CompletionForm(self._heading("cmpl-", ask.model), ask.wants_usage)
        await self._tell(exchange, ask, _Answer(form, said, prompt, failure))

    async def embeddings(self, exchange: Exchange) -> None:
        """`POST /v1/embeddings`: the engine computes the input, and one token for its answer."""
        ask = read(await exchange.body(), EmbeddingAsk)
        pool = self._pool(ask.model)
        if ask.encoding_format not in (None, "float", "base64"):
            raise Refusal(400, "encoding_format is float or base64.", param="encoding_format")
        failure = self._failure(exchange, ask.model)
        if await fail_at_once(exchange, failure, False):
            return
        texts = inputs(ask.input, "input")
        prompt = await self._counter(pool).count([one for one in texts if isinstance(one, str)])
        prompt += sum(one for one in texts if isinstance(one, int))
        replica, stream = _start(pool, prompt, 1)
        exchange.watch(lambda: replica.drop(stream))
        try:
            if await stream.more():
                answer = msgspec.json.encode(_vectors(ask, texts, prompt))
                pool.served += await send_body(exchange, answer, failure)
        finally:
            replica.drop(stream)

    async def _tell(self, exchange: Exchange, ask: Ask, answer: _Answer) -> None:
        pool = self._pool(ask.model)
        replica, stream = _start(pool, answer.prompt, answer.said.length)
        exchange.watch(lambda: replica.drop(stream))
        telling = Telling(
            exchange=exchange,
            stream=stream,
            form=answer.form,
            said=answer.said,
            prompt=answer.prompt,
            failure=answer.failure,
            with_usage=ask.wants_usage,
        )
        try:
            pool.served += await (telling.as_events() if ask.stream else telling.as_body())
        finally:
            replica.drop(stream)

    def _pool(self, name: str) -> Pool:
        pool = self._pools.get(name)
        if pool is None:
            raise Refusal(
                404,
                f"The model `{name}` does not exist; known: {', '.join(self._pools)}.",
                code="model_not_found",
                param="model",
            )
        return pool

    def _pool_for(self, ask: Ask) -> Pool:
        if (ask.n or 1) > 1:
            raise Refusal(400, "The emulator makes one choice: n is 1.", param="n")
        return self._pool(ask.model)

    def _counter(self, pool: Pool) -> TokenCounter:
        encoding = encoding_for(pool.deployment.model.vocab)
        return self._counters.setdefault(encoding, TokenCounter(encoding))

    def _failure(self, exchange: Exchange, model: str) -> Failure | None:
        written = exchange.header(b"x-emulator-fault")
        if written is None:
            return self._failures.draw(model, asyncio.get_running_loop().time())
        try:
            return parse_failure(written)
        except TollwayError as error:
            raise Refusal(400, str(error), param="x-emulator-fault") from None

    def _heading(self, prefix: str, model: str) -> Heading:
        self._answers += 1
        made = seed_of(self._seed, time.time_ns(), self._answers)
        return Heading(f"{prefix}{made:016x}", int(time.time()), model)


def _start(pool: Pool, prompt: int, output: int) -> tuple[Replica, Stream]:
    try:
        return pool.start(max(1, prompt), output)
    except TollwayError as error:
        raise Refusal(400, str(error), code="context_length_exceeded") from None


def _prose(ask: ChatAsk | CompletionAsk, pool: Pool, prompt: int, seed: int) -> Utterance:
    context, limit = pool.deployment.context, ask.limit
    whole = prompt + (limit or 1)
    if whole > context:
        split = f"{prompt} in the prompt, {limit or 1} in the completion"
        raise Refusal(
            400,
            f"This model's maximum context length is {context} tokens. However, you requested "
            f"{whole} tokens ({split}). Please reduce the length of the prompt or completion.",
            code="context_length_exceeded",
            param="messages" if isinstance(ask, ChatAsk) else "prompt",
        )
    least = ask.min_tokens or 1
    if limit is not None and least > limit:
        raise Refusal(400, "min_tokens is more than max_tokens.", param="min_tokens")
    natural = max(natural_length(seed), least)
    if limit is not None and ask.ignore_eos:
        natural = limit
    length = min(natural, limit or natural, context - prompt)
    pieces = (Piece("content", text) for text in prose(seed))
    cut = length < natural or length == limit
    return Utterance(pieces, length, "length" if cut else "stop")


def _raw_texts(ask: ChatAsk) -> list[str]:
    raws = (bytes(raw) for raw in (ask.tools, *(one.tool_calls for one in ask.messages)))
    return [raw.decode("utf-8", "replace") for raw in raws if raw not in (b"", b"null")]


def _images(messages: list[Message]) -> int:
    return sum(
        part.type == "image_url"
        for message in messages
        if isinstance(message.content, list)
        for part in message.content
    )


def _vectors(ask: EmbeddingAsk, texts: list[str | int], prompt: int) -> dict[str, object]:
    vectors = [vector(text, ask.dimensions or _EMBEDDING_SIZE) for text in texts]
    plain = ask.encoding_format != "base64"
    data = [
        {"object": "embedding", "index": at, "embedding": list(one) if plain else as_base64(one)}
        for at, one in enumerate(vectors)
    ]
    usage = {"prompt_tokens": prompt, "total_tokens": prompt}
    return {"object": "list", "data": data, "model": ask.model, "usage": usage}
