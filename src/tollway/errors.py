"""What went wrong and how to mend it: place, value, mend, and every fault of a file at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in something a person wrote.

    `place` names file and key (`fleet.toml: sources.pool.chip`), `problem` says what is wrong with
    the value in words that can follow the place (`is "h10"; known: h100, h200`), and `mend` is the
    next thing to do, as a sentence.
    """

    place: str
    problem: str
    mend: str = ""

    def __str__(self) -> str:
        text = f"{self.place} {self.problem}"
        if self.mend:
            text = f"{text.rstrip('.')}. {self.mend}"
        return text


class TollwayError(Exception):
    """An error whose text is meant for the user: one line, with the mend in it."""


class FaultsFound(TollwayError):
    """A file was refused. `faults` holds every fault of it, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean "h100"?` where a known word is close to `word`, else an empty string."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'Did you mean "{close[0]}"?' if close else ""


def listed(known: Iterable[str]) -> str:
    """The first dozen of the known words, sorted, and how many more there are."""
    words = sorted(known)
    more = f" and {len(words) - 12} more" if len(words) > 12 else ""
    return (", ".join(words[:12]) + more) or "none"


def unknown(word: str, known: Iterable[str], place: str) -> Fault:
    """The fault of a word that is not one of the known words."""
    words = sorted(known)
    said = word if len(word) <= 60 else f"{word[:57]}..."
    if not said.isprintable():  # one line, and nothing that a terminal would obey
        said = said.encode("unicode_escape").decode()
    return Fault(place, f'is "{said}"; known: {listed(words)}', did_you_mean(word, words))
