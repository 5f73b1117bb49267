"""Whether a request asks for an act: verbs in their inflections, and what a tool's name says.

Rules
1. A word counts only whole: "add" is not in "address".
2. Of a tool of which nothing is said, the verb in its name counts, with the verbs that people use
   for the same thing; a name without a known verb counts word by word.
"""

import re
from collections.abc import Iterable

_SAME: tuple[frozenset[str], ...] = tuple(
    frozenset(words.split())
    for words in (
        "send email mail message text write tell notify inform reply respond answer forward dm ask",
        "post publish share announce write send",
        "pay send transfer wire refund reimburse settle",
        "create add make schedule plan book arrange organize organise write draft set save put",
        "append add write put insert note",
        "delete remove erase clear discard trash",
        "cancel remove delete drop call",
        "update change set edit modify adjust correct fix move rename replace",
        "reschedule move postpone shift change delay",
        "invite add",
        "share give grant send",
        "book reserve rent hire make",
        "buy order purchase",
        "upload put save store send share",
        "download get fetch",
        "get read fetch open visit look check show summarize summarise find search go browse",
        "run execute start launch",
        "stop end close finish kill",
        "subscribe join follow",
        "merge approve accept",
        "reject decline refuse",
    )
)
_ANY_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IRREGULAR = {
    "send": ("sent",), "write": ("wrote", "written"), "pay": ("paid",), "tell": ("told",),
    "buy": ("bought",), "make": ("made",), "give": ("gave", "given"), "put": ("putting",),
    "set": ("setting",), "find": ("found",), "read": ("reading",), "get": ("getting", "got"),
}  # fmt: skip
_DOUBLED = re.compile(r"[^aeiou][aeiou][bdgklmnprt]$")


def inflected(word: str) -> frozenset[str]:
    """The forms that an English verb takes in a request."""
    forms = {word, f"{word}s", f"{word}ed", f"{word}ing", *_IRREGULAR.get(word, ())}
    if word.endswith("e"):
        forms |= {f"{word}d", f"{word[:-1]}ing"}
    if word.endswith("y"):
        forms |= {f"{word[:-1]}ies", f"{word[:-1]}ied"}
    if word.endswith(("s", "x", "z", "ch", "sh")):
        forms.add(f"{word}es")
    if _DOUBLED.search(word):
        forms |= {f"{word}{word[-1]}ed", f"{word}{word[-1]}ing"}
    return frozenset(forms)


def default_words(tool: str) -> tuple[str, ...]:
    """The words that ask for a tool of this name (rule 2)."""
    parts = [part.lower() for part in _PARTS.findall(tool)]
    for part in parts:
        same = frozenset[str]().union(*(group for group in _SAME if part in group))
        if same:
            return tuple(sorted(same))
    return tuple(part for part in parts if len(part) > 2) or (tool.lower(),)


def is_asked(request: str, words: Iterable[str]) -> bool:
    """Whether a request holds one of the words, which may be several words each."""
    said = [word.lower() for word in _ANY_WORD.findall(request)]
    return any(_holds(said, word.lower().split()) for word in words)


def _holds(said: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return False
    first, rest = inflected(wanted[0]), wanted[1:]
    ends = len(said) - len(rest)
    return any(said[at] in first and said[at + 1 : at + len(wanted)] == rest for at in range(ends))
