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
from tollway.cli.feel_options import (
    PredictionOptions,
    ShowOptions,
    SourceOptions,
    SumOptions,
)
from tollway.cli.feel_source import of_source
from tollway.cli.feel_streams import (
    NUDGED,
    Felt,
    asked_for,
    chance_of,
    daily_requests,
    of_prediction,
)
from tollway.cli.table import aligned
from tollway.cli.where import Where
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.feel.arithmetic import Answer, usual_answer
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
    observed: SourceOptions | None = None,
    predicted: PredictionOptions | None = None,
    summed: SumOptions | None = None,
    show: ShowOptions | None = None,
    where: Where | None = None,
) -> int:
    """Show token streams at any rate, side by side, and say what waiting adds up to.

    --json prints what waiting adds up to, and shows nothing.

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
    """
    shown, here = _mode(mode), where or Where()
    show, summed = show or ShowOptions(), summed or SumOptions()
    answer = _answer(shown, summed.tokens)
    _check(ttft, show.seconds)
    rates = _rates(rate, beside)
    felts = _known(observed or SourceOptions(), predicted or PredictionOptions(), here)
    felts += [asked_for(one, ttft) for one in rates or ([] if felts else [rate_of(60.0, "")])]
    if len(felts) > MOST_BESIDE:
        raise TollwayError(f"{len(felts)} streams do not fit side by side. Name at most 4.")
    daily = daily_requests(summed.requests, here)
    if here.json:
        sys.stdout.write(feel_words.as_json(feel_words.sums_of(felts, shown, answer, daily)))
        return 0
    ended, felts, shown = _show(felts, shown, show)
    if ended == signal.SIGHUP:
        return 128 + ended
    sums = feel_words.sums_of(felts, shown, answer if shown == mode else None, daily)
    sys.stdout.write("\n" + aligned(feel_words.table(sums)))
    sys.stderr.write("".join(f"{line}\n" for line in feel_words.origins(sums)))
    return 0 if ended is None else 128 + ended


def _check(ttft: float, seconds: float | None) -> None:
    if not 0 <= ttft <= LONGEST_TTFT:
        raise FaultsFound([Fault("--ttft", f"is {ttft:g}", "Write 0 to 60 seconds.")])
    if seconds is not None and not 0 < seconds <= 86_400:
        raise FaultsFound([Fault("--seconds", f"is {seconds:g}", "Write more than 0, to 86400.")])


def _rates(rate: float | None, beside: list[float] | None) -> list[TokensPerSecond]:
    named = [] if rate is None else [rate_of(rate, "--rate")]
    return [*named, *(rate_of(one, "--beside") for one in beside or ())]


def _known(observed: SourceOptions, predicted: PredictionOptions, where: Where) -> list[Felt]:
    """The source and the prediction, where they are asked for."""
    name = observed.source
    felts = [] if name is None else [of_source(name, where, observed.watch)]
    prediction = of_prediction(predicted, where)
    return felts if prediction is None else [*felts, prediction]


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


def _nudged(felt: Felt, rate: TokensPerSecond) -> Felt:
    """The stream at another rate than it had: no longer what was observed or predicted."""
    name = f"{felt.name} at {rate:.4g}/s" if felt.name else ""
    return replace(
        felt,
        name=name,
        rate=rate,
        origin=NUDGED,
        provenance="asked for",
        ends=None,
        seen=None,
    )


def _show(felts: list[Felt], mode: Mode, how: ShowOptions) -> tuple[int | None, list[Felt], Mode]:
    """Show the streams; the signal that ended it, and the streams and the mode as they were last,
    because somebody may have pressed keys."""
    from tollway.cli.feel_show import Show, plainly
    from tollway.cli.feel_terminal import Terminal, is_interactive

    chance = chance_of(how.seed)
    if not is_interactive():
        if len(felts) > 1:
            mend = "Name one rate, or ask for --json."
            raise TollwayError(f"Side by side needs a terminal. {mend}")
        plainly(felts[0], mode, chance, how.seconds)
        return None, felts, mode
    show = Show(felts, mode, chance)
    with Terminal() as terminal:
        ended = show.run(terminal, how.seconds)
    now = [
        one if rate == one.rate else _nudged(one, rate)
        for one, rate in zip(felts, show.rates, strict=True)
    ]
    return ended, now, show.mode
