"""What differs between the code of two releases, the most suspicious file first.

Rules
1. Every changed file is shown; suspicion only orders them and says why.
2. Suspicious is what is new: a host, an e-mail address, a call that runs, sends or hides something,
   a file that an interpreter or installer runs by itself, machine code.
3. A file that is no text, or too large to keep, is named with its digests.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff

_HOST = re.compile(r"(?:https?|wss?|ftp)://([A-Za-z0-9.-]+(?::\d+)?)")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_CALLS = re.compile(
    r"\b(?:exec|eval|compile|__import__|Function|child_process|execSync|spawn|subprocess|"
    r"os\.system|popen|pty|ctypes|dlopen|marshal|b64decode|fromCharCode|atob|unhexlify|"
    r"urlopen|requests\.\w+|httpx?\.\w+|fetch|XMLHttpRequest|axios|socket|dgram|"
    r"process\.env|os\.environ|\.ssh|\.aws|\.npmrc|\.netrc|keychain|"
    r"[Bb]cc|curl|wget|powershell|chmod)\b"
)
_RUNS = re.compile(r"(?:\.pth|(?:site|user)customize\.py|(?:^|/)setup\.py|(?:^|/)binding\.gyp)\Z")
_NATIVE = re.compile(r"\.(?:so|dll|dylib|pyd|node|exe|bin|wasm)\Z")
_WEIGHTS = {"host": 8, "address": 8, "call": 4, "runs": 10, "native": 6, "opaque": 3, "long": 3}
_LONG = 2000
_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class File:
    """A file of a release. `text` is None where it is no text, or too large to keep."""

    sha256: str
    text: str | None


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that differs. `reasons` say what is new in it, `lines` are a unified diff, `left_out`
    counts lines of it beyond the first 400."""

    path: str
    change: str
    suspicion: int
    reasons: tuple[str, ...]
    lines: tuple[str, ...]
    left_out: int = 0


def code_differences(
    old: Mapping[str, File], new: Mapping[str, File]
) -> tuple[FileDifference, ...]:
    """Every file that differs (rule 1)."""
    known = "\n".join(it.text for it in old.values() if it.text is not None)
    found = [
        _file(path, old.get(path), new.get(path), known)
        for path in sorted({*old, *new})
        if (path not in old) or (path not in new) or old[path].sha256 != new[path].sha256
    ]
    return tuple(sorted(found, key=lambda it: (-it.suspicion, it.path)))


def _file(path: str, before: File | None, after: File | None, known: str) -> FileDifference:
    change = "new" if before is None else "gone" if after is None else "changed"
    old, new = (it.text if it is not None else "" for it in (before, after))
    if old is None or new is None:
        digests = [it.sha256 if it is not None else "nothing" for it in (before, after)]
        reasons = [("opaque", "no text, or larger than is shown")]
        reasons += [("native", "machine code")] if _NATIVE.search(path) else []
        return _judged(path, change, reasons, (f"{digests[0]} -> {digests[1]}",))
    rows = list(unified_diff(old.splitlines(), new.splitlines(), "old", "new", lineterm="", n=2))
    added = "\n".join(it[1:] for it in rows[2:] if it.startswith("+"))
    reasons = list(_reasons(path, added, old, known)) if after is not None else []
    return _judged(path, change, reasons, tuple(rows[2:]))


def _judged(
    path: str, change: str, reasons: list[tuple[str, str]], lines: tuple[str, ...]
) -> FileDifference:
    suspicion = sum(_WEIGHTS[kind] for kind, _ in reasons)
    words = tuple(words for _, words in reasons)
    left_out = max(0, len(lines) - _MOST_LINES)
    return FileDifference(path, change, suspicion, words, lines[:_MOST_LINES], left_out)


def _reasons(path: str, added: str, old: str, known: str) -> Iterator[tuple[str, str]]:
    """What is new in the added lines (rule 2), as a kind and words."""
    if _RUNS.search(path):
        yield "runs", "it runs by itself, at a start or an installation"
    for host in dict.fromkeys(_HOST.findall(added)):
        if host not in known:
            yield "host", f"a new host: {host}"
    for address in dict.fromkeys(_EMAIL.findall(added)):
        if address not in known:
            yield "address", f"a new e-mail address: {address}"
    for call in dict.fromkeys(_CALLS.findall(added)):
        if not re.search(rf"\b{re.escape(call)}\b", old):
            yield "call", f"new in this file: {call}"
    if any(len(line) > _LONG for line in added.splitlines()):
        yield "long", f"a line of more than {_LONG} characters"
