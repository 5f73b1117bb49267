"""What a speed means to people: how far ahead of a reader it runs, and how long they wait.

Rules
1. A constant is a `Given`: it names the publication that it is from, or says that it is a
   judgement.
2. Text and code are read while they stream: who skims the one or scans the other waits for the
   first token, and for what a slower stream lacks. Thinking and an agent's turns are read by
   nobody: the whole time counts.
3. More speed stops mattering in text and code where the stream keeps up with that reader; in the
   other modes where generating is `REST` of the whole time, the rest being waits for first
   tokens and the work of tools.
4. Tokens a word are counted on the sample texts, never assumed.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tollway.feel.texts import GENERATED, Mode, passages
from tollway.feel.tokens import pieces
from tollway.units import Seconds, TokensPerSecond

MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Given:
    """A constant and where it is from (rule 1)."""

    value: float
    unit: str
    source: str
    judgement: bool


_CARVER = "Carver 1990, Reading Rate: A Review of Research and Theory, Academic Press"
_BRYSBAERT = (
    "Brysbaert 2019, How many words do we read per minute? A review and meta-analysis of reading "
    "rate, Journal of Memory and Language 109, 104047"
)
_NIELSEN = "Nielsen 1993, Usability Engineering, chapter 5; after Miller 1968 and Card et al. 1991"

READING = Given(238.0, "words/min", f"{_BRYSBAERT}: silent reading of English non-fiction", False)
SKIMMING = Given(450.0, "words/min", f"{_CARVER}: skimming", False)
SCANNING = Given(
    600.0,
    "words/min",
    f"{_CARVER}: scanning for a word; that code is scanned like that, and that a name or a number "
    "is a word of it, is our judgement",
    True,
)
AT_ONCE = Given(0.1, "s", f"{_NIELSEN}: up to here it feels as if it came at once", False)
FLOW = Given(1.0, "s", f"{_NIELSEN}: up to here a thought is not interrupted", False)
ATTENTION = Given(10.0, "s", f"{_NIELSEN}: up to here attention stays", False)
REST = Given(0.1, "of the whole", "a judgement: what is left to gain is then a tenth", True)

GIVEN = {
    "reading": READING,
    "skimming": SKIMMING,
    "scanning": SCANNING,
    "at_once": AT_ONCE,
    "flow": FLOW,
    "attention": ATTENTION,
    "rest": REST,
}

READ: frozenset[Mode] = frozenset({"text", "code"})
"""Modes that somebody reads while they stream (rule 2)."""

Grasp = Literal["at once", "in the flow", "attention stays", "attention is lost"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is asked for: `tokens` that a model makes for one task, in `turns` each of which is
    asked anew, of which `before` come before what the user asked for (reasoning, calls), and
    `pauses` in which tools work."""

    tokens: float
    before: float = 0.0
    turns: int = 1
    pauses: Seconds = Seconds(0.0)


@dataclass(frozen=True, slots=True)
class Feeling:
    """A speed in a mode as people feel it. Seconds: `first_word` until what was asked for begins,
    `whole` until the answer is there, `waiting` that a user spends waiting for one. `words` are
    those of the rate a minute; `reader` is how fast it is read with care in tokens a second (None:
    nobody reads it), `ahead` how many times faster the stream is, and `behind` how many seconds
    that reader still has when it has ended. `enough` is the rate beyond which more hardly matters;
    None: the first token is instant and no tool works, so that it always does."""

    mode: Mode
    rate: TokensPerSecond
    ttft: Seconds
    answer: Answer
    tokens_per_word: float
    words: float
    reading: TokensPerSecond
    reader: TokensPerSecond | None
    ahead: float | None
    behind: Seconds | None
    first_word: Seconds
    grasp: Grasp
    whole: Seconds
    waiting: Seconds
    enough: TokensPerSecond | None

    def a_day(self, requests: float) -> Seconds:
        """Seconds a day that users wait, all together."""
        return Seconds(self.waiting * requests)


@cache
def tokens_per_word(mode: Mode) -> float:
    """Counted on the answers of the mode's texts (rule 4)."""
    said = [one.text for answer in passages(mode) for one in answer if one.kind == "answer"]
    pattern = r"\w+" if mode == "code" else r"\S+"
    words = sum(len(re.findall(pattern, text)) for text in said)
    return sum(len(pieces(text)) for text in said) / words


@cache
def usual_answer(mode: Mode) -> Answer:
    """The mean over the mode's texts."""
    every = passages(mode)
    tokens = before = pauses = 0.0
    turns = 0
    for answer in every:
        for one in answer:
            pauses += one.pause
            turns += one.opens
            if one.kind in GENERATED:
                tokens += len(pieces(one.text))
                before += 0 if one.ends else len(pieces(one.text))
    count = len(every)
    return Answer(tokens / count, before / count, round(turns / count), Seconds(pauses / count))


def tokens_a_second(words_a_minute: Given, mode: Mode) -> TokensPerSecond:
    """A reader's pace in tokens."""
    return TokensPerSecond(words_a_minute.value / MINUTE * tokens_per_word(mode))


def reader_of(mode: Mode) -> TokensPerSecond | None:
    """How fast the mode is read with care; None where nobody reads it as it streams."""
    return tokens_a_second(READING if mode == "text" else SCANNING, mode) if mode in READ else None


def skimmer_of(mode: Mode) -> TokensPerSecond | None:
    """The fastest that somebody follows the mode; None where nobody does."""
    return tokens_a_second(SKIMMING if mode == "text" else SCANNING, mode) if mode in READ else None


def waiting(mode: Mode, rate: float, ttft: float, answer: Answer) -> Seconds:
    """Seconds that a user waits for one answer (rule 2)."""
    generating = answer.tokens / rate
    fixed = ttft * answer.turns + answer.pauses
    pace = skimmer_of(mode)
    if pace is None:
        return Seconds(fixed + generating)
    return Seconds(fixed + max(0.0, generating - answer.tokens / pace))


def enough(mode: Mode, ttft: float, answer: Answer) -> TokensPerSecond | None:
    """The rate beyond which more hardly matters (rule 3)."""
    skimmer = skimmer_of(mode)
    if skimmer is not None:
        return skimmer
    fixed = ttft * answer.turns + answer.pauses
    if fixed <= 0:
        return None
    return TokensPerSecond(answer.tokens * (1.0 - REST.value) / (REST.value * fixed))


def feeling(
    mode: Mode, rate: TokensPerSecond, ttft: Seconds, answer: Answer | None = None
) -> Feeling:
    """What this rate and this wait for the first token mean for an answer (None: the usual one of
    the mode's texts)."""
    asked = answer or usual_answer(mode)
    reader = reader_of(mode)
    generating = asked.tokens / rate
    whole = ttft * asked.turns + asked.pauses + generating
    first = ttft
    if mode not in READ:  # what was asked for begins with the last turn's answer
        first = whole - (asked.tokens - asked.before) / rate
    return Feeling(
        mode=mode,
        rate=rate,
        ttft=ttft,
        answer=asked,
        tokens_per_word=tokens_per_word(mode),
        words=rate * MINUTE / tokens_per_word(mode),
        reading=tokens_a_second(READING, mode),
        reader=reader,
        ahead=None if reader is None else rate / reader,
        behind=None if reader is None else Seconds(max(0.0, asked.tokens / reader - generating)),
        first_word=Seconds(first),
        grasp=grasp_of(first),
        whole=Seconds(whole),
        waiting=waiting(mode, rate, ttft, asked),
        enough=enough(mode, ttft, asked),
    )


def grasp_of(seconds: float) -> Grasp:
    """What a wait of this length does to a thought."""
    if seconds <= AT_ONCE.value:
        return "at once"
    if seconds <= FLOW.value:
        return "in the flow"
    return "attention stays" if seconds <= ATTENTION.value else "attention is lost"
