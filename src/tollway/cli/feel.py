"""`tollway feel`: token streams in the hand, and what their speed means.

Rules
1. On a terminal streams are shown until somebody quits; elsewhere one is written out as it comes.
2. The arithmetic follows on standard output, its sources on standard error; --json prints that
   alone.
3. Exit code 130 after Ctrl-C, 143 after SIGTERM; the terminal is given back first.
"""

import signal
import sys
from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from tollway.cli import feel_words
from tollway.cli.feel_streams import (
    Felt,
    Predicted,
    Where,
    asked_for,
    chance_of,
    daily_requests,
    of_prediction,
    of_source,
)
from tollway.cli.table import aligned
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.feel.arithmetic import Answer, feeling, usual_answer
from tollway.feel.pacing import rate_of
from tollway.feel.texts import MODES, Mode
from tollway.units import TokensPerSecond

MOST_BESIDE = 4
LONGEST_TTFT = 60.0


def feel(
    rate: float | None = None,
    *,
    mode: str = "text",
    beside: Annotated[list[float] | None, Parameter(negative="", consume_multiple=True)] = None,
    ttft: float = 0.5,
    source: str | None = None,
    predict: str | None = None,
    chip: str | None = None,
    tp: int = 1,
    concurrency: int = 64,
    input: Annotated[int, Parameter(name="--in")] = 1024,  # noqa: A002 - as `predict` calls it
    output: Annotated[int, Parameter(name="--out")] = 1024,
    tokens: int | None = None,
    requests: float | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Show token streams at any rate, side by side, and say what waiting adds up to.

    Parameters
    ----------
    rate
        Tokens a second, 5 to 2000: 60 unless something else is named.
    mode
        What streams: text, code, think (reasoning before the answer), agent (tools that pause).
    beside
        Rates to show side by side: --beside 30 120.
    ttft
        Seconds until the first token of a rate that you name.
    source
        A source as it was observed, waits and jitter included; SOURCE:MODEL for one model of it.
    predict
        A model as it is predicted to be on --chip.
    chip
        The chip to predict it on.
    tp
        Chips of one replica of the prediction.
    concurrency
        Users at once of the prediction.
    input
        Tokens of a prompt of the prediction.
    output
        Tokens of an answer of the prediction.
    tokens
        Tokens of an answer, for the arithmetic. Default: as in the mode's texts.
    requests
        Answers a day, for the arithmetic. Default: the ledger's mean of 7 days.
    seconds
        Show it for so long.
    seed
        Draw the same jitter again.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print the arithmetic as one JSON object, and show nothing.
    """
    shown = _mode(mode)
    where = Where(ledger, state)
    if not 0 <= ttft <= LONGEST_TTFT:
        raise FaultsFound([Fault("--ttft", f"is {ttft:g}", "Write 0 to 60 seconds.")])
    if seconds is not None and not 0 < seconds <= 86_400:
        raise FaultsFound([Fault("--seconds", f"is {seconds:g}", "Write more than 0, to 86400.")])
    felts: list[Felt] = [] if source is None else [of_source(source, where)]
    if predict is not None or chip is not None:
        if predict is None or chip is None:
            raise TollwayError("--predict MODEL and --chip CHIP belong together: name both.")
        felts.append(of_prediction(Predicted(predict, chip, tp, concurrency, input, output, state)))
    named = [] if rate is None else [rate_of(rate, "--rate")]
    named += [rate_of(one, "--beside") for one in beside or ()]
    felts += [asked_for(one, ttft) for one in named or ([] if felts else [rate_of(60.0, "")])]
    if len(felts) > MOST_BESIDE:
        raise TollwayError(f"{len(felts)} streams do not fit side by side. Name at most 4.")
    daily = daily_requests(requests, where)
    answer = _answer(shown, tokens)
    if json:
        sys.stdout.write(feel_words.as_json(_pairs(felts, shown, answer), *daily))
        return 0
    ended, felts, shown = _show(felts, shown, seconds, seed)
    if ended == signal.SIGHUP:
        return 128 + ended
    pairs = _pairs(felts, shown, answer if shown == mode else None)
    sys.stdout.write("\n" + aligned(feel_words.rows(pairs, daily[0])))
    sys.stderr.write("".join(f"{line}\n" for line in feel_words.notes(pairs, daily[1])))
    return 0 if ended is None else 128 + ended


def _mode(said: str) -> Mode:
    for mode in MODES:
        if mode == said:
            return mode
    raise FaultsFound([unknown(said, MODES, "--mode")])


def _answer(mode: Mode, tokens: int | None) -> Answer | None:
    """The mode's usual answer with another number of tokens, where one is said."""
    if tokens is None:
        return None
    if not 1 <= tokens <= 10**7:
        raise FaultsFound([Fault("--tokens", f"is {tokens}", "Write 1 to 10000000.")])
    usual = usual_answer(mode)
    return replace(usual, tokens=tokens, before=usual.before / usual.tokens * tokens)


def _pairs(felts: list[Felt], mode: Mode, answer: Answer | None) -> list[feel_words.Pair]:
    return [(one, feeling(mode, one.rate, one.waits.seconds, answer)) for one in felts]


def _nudged(felt: Felt, rate: TokensPerSecond) -> Felt:
    """The stream at another rate than it had: no longer what was observed or predicted."""
    name = f"{felt.name} at {rate:.4g}/s" if felt.name else ""
    return replace(
        felt, name=name, rate=rate, origin="as nudged by hand", low=None, high=None, ttfts=None
    )


def _show(
    felts: list[Felt], mode: Mode, seconds: float | None, seed: int | None
) -> tuple[int | None, list[Felt], Mode]:
    """Show the streams; the signal that ended it, and the streams and the mode as they were last,
    because somebody may have pressed keys."""
    from tollway.cli.feel_show import Show, plainly
    from tollway.cli.feel_terminal import Terminal, is_interactive

    chance = chance_of(seed)
    if not is_interactive():
        if len(felts) > 1:
            mend = "Name one rate, or ask for --json."
            raise TollwayError(f"Side by side needs a terminal. {mend}")
        plainly(felts[0], mode, chance, seconds)
        return None, felts, mode
    show = Show(felts, mode, chance)
    with Terminal() as terminal:
        ended = show.run(terminal, seconds)
    now = [
        one if rate == one.rate else _nudged(one, rate)
        for one, rate in zip(felts, show.rates, strict=True)
    ]
    return ended, now, show.mode
