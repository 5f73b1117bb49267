"""What a user's request names: the one place from which an agent's calls may take their targets.

Rules
1. A value is named where the request holds it whole: as a word, as words in a row, in quotes. Part
   of a longer word, address, path or number is not named by it.
2. The request's words lose the punctuation around them; the value loses nothing.
3. Part of a name is not the name: of "Riverside View Hotel", "Riverside" is another place.
4. Words that every request is made of name nothing, unless they stand in quotes: who names a
   channel "message" is not named by "send a message".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tollway.guard.tools.entity import (
    Entity,
    entity,
    is_seen,
    links_in,
    lowered,
    number,
)
from tollway.guard.tools.moments import Moments, is_month, moments

_AROUND = "\"'`“”‘’«»()[]{}<>,;:!?*"
_BREAKS = re.compile(r"[,;:!?.)\]}>\"”»]+\Z")
_OPENS = re.compile(r"\A[(\[{<\"“«]+")
_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”|«([^»\n]{1,200})»|`([^`\n]{1,200})`"
    r"|(?<![\w])['‘]([^'’\n]{1,200})['’](?![\w])"
)
_SPELT = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_CURRENCY = "$€£¥₹"
_AMOUNT = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_ORDINARY = """
a about account accounts add address after again all also am an and any anyone app are as ask at
available back bank be because been before below best book both but buy by call can cancel
change channel channels chat check contact contacts content contents could create data date day
days delete details did do document documents does done each either email emails every everyone
everything event events file files find first folder for forward friend friends from get give go
group had has have he hello her here hi him his home hotel how i if in inbox info information
inside into invite is it its just keep know last latest let like link list look mail main make
many may me meeting message messages money month more most much my name need new news next no
not note now number of off on one only open or order other our out over page password pay person
phone place please post price read remove reply request reserve room same save say schedule
search see send set share she should show site so some someone soon still subject sum summarize
sure take task team tell text than thank thanks that the their them then there these they thing
this those time title to today tomorrow too transaction transfer try update url us use user users
visit want was we web website week welcome well were what when where which who whose will with
work would write yes yesterday yet you your yours
"""
_COMMON = frozenset(_ORDINARY.split())
_READ, _WRITE = "read|view", "write|edit|modify"
_ROLES = {
    "r": _READ, "ro": _READ, "read": _READ, "reader": _READ, "view": _READ, "viewer": _READ,
    "w": _WRITE, "rw": _WRITE, "write": _WRITE, "writer": _WRITE, "edit": _WRITE, "editor": _WRITE,
    "comment": "comment", "commenter": "comment",
}  # fmt: skip
"""What file systems and drives call permissions, and how people ask for them."""
_GRANTED = r"\b(?:{})(?:ing|er)?[ -](?:only|permissions?|access|rights?|privileges?)\b"


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the request, small. `starts` and `ends` say that no phrase goes on across it;
    `proper`, that it is written as a name is, `capital` that it may be the rest of one."""

    text: str
    starts: bool
    ends: bool
    proper: bool
    capital: bool


class Request:
    """The words of one user's request, ready to be asked what they name."""

    __slots__ = ("_entities", "_moments", "_quoted", "_words", "text")

    def __init__(self, text: str, opened: date | None = None) -> None:
        """`opened` is the day on which it was asked, by UTC; None where nobody knows."""
        self.text = text
        self._words = list(_words(text))
        self._quoted = frozenset(_quoted(text))
        self._moments: Moments = moments(text, opened)
        self._entities = frozenset(_entities(text))

    def names(self, value: str | float) -> bool:
        """Whether the request names this value, as the entity that it is."""
        one = entity(value)
        if one is None or isinstance(value, bool):
            return False
        if one.kind == "moment":
            return self._moments.names(one.key)
        if one in self._entities:
            return True
        if one.kind == "account":
            return self._has_account(one.key)
        if one.kind == "url":
            return self._has_url(one.key)
        if one.kind in ("name", "path"):
            return self._has_name(str(value).strip(" "), one)
        return False

    def _has_account(self, key: str) -> bool:
        """The account in groups of any length; no letter or digit may be glued to it."""
        pattern = r"[ .()-]{0,2}".join(map(re.escape, key))
        return re.search(rf"(?<![\w@/+.-]){pattern}(?![\w@/-])", self.text) is not None

    def _has_url(self, key: str) -> bool:
        """A URL as written, or, of one that the request writes without scheme, by either."""
        scheme, _, rest = key.partition("://")
        bare = Entity("url", f"://{rest}")
        if scheme in ("", "http", "https") and bare in self._entities:
            return True
        written = Entity("url", f"https://{rest}"), Entity("url", f"http://{rest}")
        return not scheme and any(one in self._entities for one in written)

    def _has_name(self, written: str, one: Entity) -> bool:
        text = lowered(written)
        if one.kind == "path":
            return any(one == entity(word) for word in _raw(self.text))
        if text in self._quoted or text.lstrip("#@") in self._quoted:
            return True
        if text in _ROLES and re.search(_GRANTED.format(_ROLES[text]), self.text.lower()):
            return True
        words = text.lstrip("#@").split()
        if not words or all(word in _COMMON for word in words):
            return False
        return any(self._stands_at(at, words) for at in range(len(self._words) - len(words) + 1))

    def _stands_at(self, at: int, words: list[str]) -> bool:
        there = self._words[at : at + len(words)]
        whole = all(word.text == wanted for word, wanted in zip(there, words, strict=True))
        apart = any(word.ends for word in there[:-1]) or any(word.starts for word in there[1:])
        return whole and not apart and not self._goes_on(at, at + len(words))

    def _goes_on(self, start: int, end: int) -> bool:
        """Whether a name that stands there goes on before it or after it (rule 3)."""
        words = self._words
        before = start > 0 and words[start].proper and words[start - 1].proper
        after = end < len(words) and words[end - 1].proper and words[end].capital
        glued_before = before and not (words[start - 1].ends or words[start].starts)
        return glued_before or (after and not (words[end - 1].ends or words[end].starts))


def _raw(text: str) -> Iterator[str]:
    for word in text.split():
        yield _bare(word)


def _bare(word: str) -> str:
    """A word without the punctuation around it, in whatever order that stands."""
    return word.strip(_AROUND).rstrip(f".{_AROUND}")


def _words(text: str) -> Iterator[_Word]:
    opens = True
    for raw in text.split():
        bare = _bare(raw)
        capital = not opens and bare[:1].isupper() and bare != "I"
        proper = capital and lowered(bare) not in _COMMON
        opens = raw[-1] in ".!?:"
        for suffix in ("'s", "’s"):
            bare = bare.removesuffix(suffix)
        bare = bare.lstrip("#@")
        if bare and is_seen(bare):
            starts, ends = _OPENS.search(raw) is not None, _BREAKS.search(raw) is not None
            yield _Word(lowered(bare), starts, ends, proper, capital)


def _quoted(text: str) -> Iterator[str]:
    for found in _QUOTED.finditer(text):
        inner = next(group for group in found.groups() if group is not None).strip()
        yield from (lowered(inner), lowered(inner.rstrip(".,;:!?")))


def _entities(text: str) -> Iterator[Entity]:
    """Addresses and URLs, and the numbers that stand alone."""
    for _, one in links_in(text):
        if one is not None:
            yield one
    words = list(_raw(text))
    for at, raw in enumerate(words):
        one = entity(raw)
        if one is not None and one.kind in ("email", "url"):
            yield one
        elif one is not None and one.kind == "name" and (url := _bare_host(raw)) is not None:
            yield url
        if lowered(raw) in _SPELT:
            yield Entity("number", str(_SPELT.index(lowered(raw)) + 2))
        bare = raw.strip(_CURRENCY).removesuffix("%")
        beside = (*words[max(at - 1, 0) : at], *words[at + 1 : at + 2])
        if any(is_month(word) for word in beside):
            continue  # a day
        if _AMOUNT.fullmatch(bare) and (key := number(bare)) is not None:
            yield Entity("number", key)


def _bare_host(raw: str) -> Entity | None:
    """`example.com` in a request names that host's page."""
    if re.fullmatch(r"(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}", raw) is None:
        return None
    return Entity("url", f"://{lowered(raw)}")
