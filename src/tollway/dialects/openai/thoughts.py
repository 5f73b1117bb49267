"""Thoughts on a message: not OpenAI's own, but in wide use.

Rules
1. Plain thoughts are `reasoning_content` (DeepSeek, SGLang) or `reasoning` (vLLM, OpenRouter);
   signed, sealed, summed up or several ones are `reasoning_details`, as OpenRouter has them. Where
   both are there they say the same thing.
2. Entries of `reasoning_details` with one `index` are one thought.
3. An entry's `format` belongs to its signature: `Signature.data` is then both, a space between.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tollway.dialects.meaning import Reasoning, Signature
from tollway.dialects.members import Members
from tollway.dialects.signatures import read_signature, signature_text


def read_thoughts(said: Members) -> list[Reasoning]:
    """The thoughts of one message."""
    plain = said.text("reasoning_content") or said.text("reasoning")
    said.default("reasoning", plain)
    thoughts: list[Reasoning] = []
    places: dict[object, int] = {}
    for at, entry in enumerate(said.objects("reasoning_details")):
        place = entry.take("index")
        place = place if place.__class__ is int else ("entry", at)
        thought = _read_entry(entry)
        if place in places:
            thoughts[places[place]] = joined(thoughts[places[place]], thought)
        else:
            places[place] = len(thoughts)
            thoughts.append(thought)
    if plain and not any(thought.text for thought in thoughts):
        thoughts.insert(0, Reasoning(text=plain))
    return thoughts


def _read_entry(entry: Members) -> Reasoning:
    kind = entry.text("type") or ""
    text = entry.text("text") or entry.text("summary") or ""
    thought = Reasoning(
        text=text,
        summary=kind == "reasoning.summary",
        sealed=kind == "reasoning.encrypted",
        signature=read_sign(entry.text("data") or entry.text("signature"), entry.text("format")),
        id=entry.text("id"),
    )
    entry.end()
    return thought


def read_sign(data: str | None, form: str | None) -> Signature | None:
    """The signature of an entry."""
    if not data:
        return None
    signature = read_signature(data, "openai")
    if form and form != "unknown" and signature.made_in == "openai":
        return Signature(made_in="openai", data=f"{form} {signature.data}")
    return signature


def joined(first: Reasoning, more: Reasoning) -> Reasoning:
    """Two entries of one thought."""
    return Reasoning(
        text=first.text + more.text,
        summary=first.summary or more.summary,
        sealed=first.sealed or more.sealed,
        signature=more.signature or first.signature,
        id=first.id or more.id,
    )


def write_thoughts(thoughts: Sequence[Reasoning]) -> dict[str, Any]:
    """The members of a message that say its thoughts."""
    said: dict[str, Any] = {}
    text = "".join(thought.text for thought in thoughts)
    if text:
        said["reasoning_content"] = text
    if len(thoughts) > 1 or any(t.signature or t.summary or t.id for t in thoughts):
        said["reasoning_details"] = list(_entries(thoughts))
    return said


def _entries(thoughts: Sequence[Reasoning]) -> Iterable[dict[str, Any]]:
    for at, thought in enumerate(thoughts):
        if thought.summary:
            yield detail(at, "summary", thought.id) | {"summary": thought.text}
        elif thought.text or not thought.sealed:
            yield detail(at, "text", thought.id) | {"text": thought.text}
        if thought.signature:
            yield signed_detail(at, thought.signature, thought.sealed, thought.id)


def detail(at: int, kind: str, thought_id: str | None) -> dict[str, Any]:
    """An entry of `reasoning_details` without what it says."""
    entry: dict[str, Any] = {"type": f"reasoning.{kind}", "index": at}
    if thought_id:
        entry["id"] = thought_id
    return entry


def signed_detail(
    at: int, signature: Signature, sealed: bool, thought_id: str | None
) -> dict[str, Any]:
    """The entry that carries a signature, or a sealed thought."""
    entry = detail(at, "encrypted" if sealed else "text", thought_id)
    text = signature_text(signature, "openai")
    if signature.made_in == "openai" and " " in text:
        entry["format"], text = text.split(" ", 1)
    entry["data" if sealed else "signature"] = text
    return entry
