"""What a request of the Feel page asks for, read and checked.

Rules
1. A faulty word is answered with its place, the value and the mend; nothing is guessed.
"""

from starlette.datastructures import QueryParams

from tollway.errors import Fault, FaultsFound, unknown
from tollway.feel.texts import MODES, Mode


def mode_of(said: QueryParams) -> Mode:
    """The mode; text unless one is named.

    Raises:
        FaultsFound: there is no such mode.
    """
    word = said.get("mode", "text")
    for mode in MODES:
        if mode == word:
            return mode
    raise FaultsFound([unknown(word, MODES, "mode")])


def number(said: QueryParams, name: str, usual: float, least: float, most: float) -> float:
    """A number within bounds; `usual` where none is written.

    Raises:
        FaultsFound: it is none, or out of bounds.
    """
    return checked(name, said.get(name) or str(usual), least, most)


def numbers(said: QueryParams, name: str, least: float, most: float) -> list[float]:
    """At most four numbers, with commas between them.

    Raises:
        FaultsFound: they are none.
    """
    return [checked(name, word, least, most) for word in (said.get(name) or "").split(",")[:4]]


def checked(name: str, word: str, least: float, most: float) -> float:
    """The number that a word says.

    Raises:
        FaultsFound: it says none within these bounds.
    """
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if least <= value <= most:
        return value
    said = "".join(filter(str.isprintable, word[:40]))
    raise FaultsFound([Fault(name, f'is "{said}"', f"Write {least:,.10g} to {most:,.10g}.")])
