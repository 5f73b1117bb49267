"""Looks at a model's files: the load rules, and picklescan as a second opinion.

Rules
1. What picklescan finds and the rules did not is a finding too; what it passes proves nothing.
2. A link that leaves the model is a finding; what cannot be opened is Unaudited.
"""

from collections.abc import Iterator
from pathlib import Path

from tollway.errors import Fault, FaultsFound, unknown
from tollway.inspect.weights.opening import Found, walk
from tollway.inspect.weights.second import second_opinion
from tollway.pins.finding import Finding, Findings, Unaudited, together
from tollway.pins.weights.examine import examine as judge
from tollway.pins.weights.look import ALIASES, DEFAULT_FORMATS, FORMATS, Piece, Rules


def examine(
    path: Path,
    *,
    formats: tuple[str, ...] = (),
    globals: tuple[str, ...] = (),  # noqa: A002 - the word of pickles
    name: str,
) -> Findings:
    """What is wrong with the model at `path`, a file or a folder, and what nobody could look at.

    `formats` are allowed beyond safetensors, GGUF, plain numpy arrays and plain data; `globals`
    are what a pickle may name beyond the built-in allowlist, as `module.name`. FaultsFound where
    there is nothing at `path` or a format is not known.
    """
    return _look(path, rules(formats, globals), name)[0]


def formats_of(path: Path) -> tuple[str, ...]:
    """The formats that are there, by structure and with what lies in archives, sorted; `unknown`
    is among them where something is of none. FaultsFound where there is nothing at `path`."""
    return tuple(sorted(_look(path, Rules(frozenset(FORMATS)), path.name, second=False)[1]))


def rules(formats: tuple[str, ...], names: tuple[str, ...]) -> Rules:
    """The default rules and these; FaultsFound where a format is not known."""
    known = {*FORMATS, *ALIASES, "unknown"}
    wrong = [unknown(it, known, "--allow-format") for it in formats if it.lower() not in known]
    bad = [it for it in names if "." not in it.strip(".")]
    wrong += [Fault("--allow-global", f'is "{it}"', "Write it as module.name.") for it in bad]
    if wrong:
        raise FaultsFound(wrong)
    chosen = {ALIASES.get(it.lower(), it.lower()) for it in formats} - {"unknown"}
    return Rules(frozenset(DEFAULT_FORMATS) | chosen, frozenset(names))


def _look(path: Path, allowed: Rules, name: str, second: bool = True) -> tuple[Findings, set[str]]:
    if not path.exists():
        raise FaultsFound([Fault(f"{path}", "is not there", "Name a file or a folder of a model.")])
    component = name if ":" in name else f"weights:{name}"
    other: list[Findings] = []

    def pieces() -> Iterator[Piece]:
        for found in walk(path):
            said = _outside(found, component)
            if said is not None:
                other.append(said)
            else:
                yield found.piece

    try:
        findings, formats = judge(pieces(), component, allowed)
    except OSError as error:
        why = f"its folder cannot be read: {(error.strerror or 'no reason').lower()}"
        return Findings(unaudited=(Unaudited(component, str(path), why),), looked=1), {"unknown"}
    if second and "pickle" in formats:
        other.append(second_opinion(path, component, findings, allowed.globals))
    whole = together([findings, *other])
    if not formats and not whole.found and not whole.unaudited:
        whole = Findings(unaudited=(Unaudited(component, str(path), "there is no file in it"),))
    return Findings(whole.found, whole.unaudited, 1), formats


def _outside(found: Found, component: str) -> Findings | None:
    """Rule 2."""
    if found.link:
        mend = "Copy the file into the model."
        words = f"is a link that leaves the model: {found.link}"
        return Findings((Finding(component, "weights.link", words, mend, found.piece.place),))
    if found.why:
        return Findings(unaudited=(Unaudited(component, found.piece.place, found.why),))
    return None
