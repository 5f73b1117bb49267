"""Plausible English of any length, the same for the same seed.

Rules
1. A piece is one token of the o200k and cl100k vocabularies, so that whoever counts the text gets
   the number of pieces.
2. No state of the process takes part: the text depends on the seed alone, on every machine.
"""

from collections.abc import Iterator
from hashlib import blake2b
from math import log

_TEXT = """
the a one this that each every some most other first next last same new old small large good
clear simple common real whole open public local early late short long high low free time
year people way day thing world life hand part place case week company system program
question work government number night point home water room area money story fact month lot
right study book word business issue side kind head house service friend power hour game
line end member law car city community name team minute idea body information back parent
face level office door health person art war history party result change morning reason
research girl boy moment air teacher force education and but or so because while after
before when where then there here now often always never still also just even only very
quite almost about over under between through during without within along across around is
was has had can will would could should may might must do does did make made take took give
gave find found think thought tell told become became show showed leave left feel felt put
bring brought begin began keep kept hold held write wrote stand stood hear heard let mean
set meet met run ran pay paid sit speak spoke lie lead read grow grew lose lost fall send
sent build built understand draw break spend cut rise drive buy wear choose
"""
_WORDS = tuple(_TEXT.split())
_OPENERS = 64
"""So many of the words are one token with a capital too, at the start of a text and after a space;
irregular verbs are not."""
_MEAN_OUTPUT = 250
"""Tokens of an answer that nobody bounded. Output lengths of production chat are close to
exponential (ServeGen, arXiv:2505.09999); the mean is assumed."""
_SHORTEST, _LONGEST = 8, 2000
_MASK = (1 << 64) - 1


def seed_of(*parts: object) -> int:
    """A 64-bit seed that depends on all parts and on nothing else."""
    text = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def draws(seed: int) -> Iterator[int]:
    """64-bit numbers without end: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    state = seed & _MASK
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        mixed = state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        yield mixed ^ (mixed >> 31)


def prose(seed: int) -> Iterator[str]:
    """Pieces of text without end: words with their space, commas and full stops."""
    numbers = draws(seed)
    opening = True
    while True:
        length = 6 + next(numbers) % 12
        comma = next(numbers) % (2 * length)
        for at in range(length):
            if at == 0:
                word = _WORDS[next(numbers) % _OPENERS].capitalize()
            else:
                word = _WORDS[next(numbers) % len(_WORDS)]
            yield word if opening else f" {word}"
            opening = False
            if at == comma and 1 < at < length - 2:
                yield ","
        yield "."


def natural_length(seed: int) -> int:
    """How many tokens an answer to this seed has where nobody says otherwise."""
    uniform = (next(draws(seed ^ _MASK)) + 1) / (_MASK + 2)
    return min(_LONGEST, _SHORTEST + int(-log(uniform) * _MEAN_OUTPUT))
