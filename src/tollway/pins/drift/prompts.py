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
    "Write one word about a {}.",
    "A {} is like a",
    "Name something found near a {}.",
    "The old {} was",
    "Write the first word of a story about a {}.",
)

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
    """A prompt whose first token may be many things; there are 200 of them."""
    return _OPEN[number % len(_OPEN)].format(_WORDS[number // len(_OPEN) % len(_WORDS)])


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
