"""Prompts that nobody would write: short, cheap, and open at their first word.

Rule
1. The same number gives the same prompt in every version that reads the same baseline: a baseline
   holds its prompts as text all the same.
"""

from typing import Final

_LINE: Final = (
    "river lamp stone bread glass horse paper cloud salt wheel forest iron candle ocean mirror "
    "garden pencil winter basket copper island ladder needle orchard pepper ribbon saddle tunnel "
    "velvet window anchor bottle cannon desert engine feather hammer jacket kettle lemon"
)

_WORDS: Final = tuple(_LINE.split())

_OPEN: Final = (
    "{}: one word that goes with it is",
    "{} is like a",
    "{}s are often found near a",
    "{} reminds everybody of",
    "{}, in a story, is always",
)
"""The word comes first: two prompts share no beginning that an engine would have kept from the one
before, with numbers that a batch of another shape had rounded otherwise."""

_TIES: Final = (
    "Write one of these two words and nothing else: {} {}",
    "{} or {}? Answer with one word.",
    "Which comes first to mind: {} or {}? One word only.",
    "Choose at random and write only your choice: {}, {}",
)

_STORIES: Final = (
    "Write a sentence about a {}.",
    "Describe a {} in a few words.",
    "Tell me something surprising about a {}.",
)


def open_prompt(number: int) -> str:
    """A prompt whose first token may be many things; there are 200 of them, and the first 40 begin
    with words of their own."""
    turn, word = divmod(number, len(_WORDS))
    return _OPEN[(number + turn) % len(_OPEN)].format(_WORDS[word].capitalize())


def tie_prompt(number: int) -> str:
    """A prompt that asks for one of two words; there are 6,240 of them."""
    count = len(_WORDS)
    pair, form = divmod(number, len(_TIES))
    # Every first word once before any comes again, each time with another second one.
    step, first = divmod(pair, count)
    return _TIES[form].format(_WORDS[first], _WORDS[(first + 1 + step % (count - 1)) % count])


def story_prompt(number: int) -> str:
    """A prompt for a short answer that comes out differently each time; there are 120 of them."""
    return _STORIES[number % len(_STORIES)].format(_WORDS[number * 7 % len(_WORDS)])
