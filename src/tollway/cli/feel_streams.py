"""What is felt: a rate that is asked for, a source as it was observed, a prediction.

Rules
1. What is known of a source comes from the running gateway's metrics, which have its gaps; without
   a gateway from the ledger, which has none.
2. A ledger that cannot be read stops nobody from feeling a rate; that is said.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tollway.cli.running import read_running
from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean, listed
from tollway.feel.observed import Observed, from_answers, from_metrics
from tollway.feel.pacing import FASTEST, Chance, Gaps, Player, Waits, jittered
from tollway.feel.texts import Mode, endless
from tollway.feel.tokens import Token, tokens
from tollway.gateway.admin_client import ask_metrics
from tollway.ledger.felt import Answers, recent_answers, requests_a_day
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.units import Seconds, TokensPerSecond


@dataclass(frozen=True, slots=True)
class Felt:
    """A stream to look at: its `name` (none where only a rate was asked for), its rate and wait,
    the gaps it was seen to have, and where all that is from. `low` and `high` are the ends of the
    rate's interval, and `ttfts` of the wait's, where it was predicted."""

    name: str
    rate: TokensPerSecond
    waits: Waits
    gaps: Gaps | None
    origin: str
    low: float | None = None
    high: float | None = None
    ttfts: tuple[float, float] | None = None

    @property
    def title(self) -> str:
        """What a table calls it."""
        return self.name or f"{self.rate:.4g} tokens/s"

    def player(self, mode: Mode, chance: Chance) -> Player:
        """Its stream in a mode, from the beginning."""
        stream: Iterator[Token] = jittered(tokens(endless(mode)), self.gaps, chance)
        return Player(stream, TokensPerSecond(min(self.rate, FASTEST)), self.waits, chance)


@dataclass(frozen=True, slots=True)
class Where:
    """Which ledger and which state folder are asked."""

    ledger: str | None
    state: str | None

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return ledger_path(self.ledger, self.state, os.environ)


def asked_for(rate: TokensPerSecond, ttft: float) -> Felt:
    """A rate and a wait that somebody named."""
    return Felt("", rate, Waits(Seconds(ttft)), None, "as asked for")


def chance_of(seed: int | None) -> Chance:
    """Chance; the same for the same seed."""
    return Random(seed).random  # noqa: S311 - jitter that is looked at, no secret


def of_source(name: str, where: Where) -> Felt:
    """A source, or one model of it (`SOURCE:MODEL`), as it was observed (rule 1).

    Raises:
        TollwayError: nothing was observed of it.
    """
    source, _, model = name.partition(":")
    seen = _from_gateway(source, model or None, where) or _from_ledger(source, model, where)
    if seen is None:
        known = _known(where)
        hint = did_you_mean(name, known)
        raise TollwayError(
            f'--source is "{name}", of which no streamed answer is known; known: {listed(known)}. '
            f"{hint or 'Send it traffic first, or name one of these.'}"
        )
    words = f"observed over {seen.answers:,} answers; {seen.origin}"
    if seen.gaps is None:
        words += "; its gaps are not known, so that tokens come evenly"
    return Felt(name, seen.speed, seen.waits, seen.gaps, words)


def _from_gateway(source: str, model: str | None, where: Where) -> Observed | None:
    running = read_running(state_folder(where.state, os.environ))
    text = None if running is None else ask_metrics(running.host, running.port)
    return None if text is None else from_metrics(text, source, model)


def _from_ledger(source: str, model: str, where: Where) -> Observed | None:
    found = _answers(where)
    some = [
        answer
        for (name, one), answers in found.items()
        if name == source and model in ("", one)
        for answer in answers
    ]
    return from_answers(some, "the ledger of the last 7 days")


def _answers(where: Where) -> Answers:
    if not where.path.is_file():
        return {}
    with closing(open_reader(where.path)) as ledger:
        return recent_answers(ledger, time.time())


def _known(where: Where) -> list[str]:
    return sorted({source for source, _ in _answers(where)})


def daily_requests(said: float | None, where: Where) -> tuple[float | None, str]:
    """Requests a day, and where the figure is from (rule 2)."""
    if said is not None:
        if not 0 <= said < float("inf"):
            raise FaultsFound([Fault("--requests", f"is {said:g}", "Write 0 or more a day.")])
        return said, "as asked for"
    if not where.path.is_file():
        return None, "no ledger here; --requests says how many"
    try:
        with closing(open_reader(where.path)) as ledger:
            found = requests_a_day(ledger, time.time())
    except (TollwayError, PermissionError) as error:
        sys.stderr.write(f"warning: requests a day are not known: {error}\n")
        return None, "the ledger cannot be read"
    return found, "the ledger's mean of the last 7 days" if found else "the ledger has none"


def of_prediction(said: "Predicted") -> Felt:
    """A model on a chip as the engine model predicts it.

    Raises:
        TollwayError: it cannot be predicted, or its TTFT is not known.
    """
    from tollway.cli.learned import stale_here
    from tollway.cli.predict_answers import Wanted, answers
    from tollway.cli.predict_options import DeploymentOptions, LoadOptions, PrefillOptions
    from tollway.cli.predict_question import catalogue_of

    wanted = Wanted(
        deployment=DeploymentOptions(model=said.model, tp=said.tp),
        load=LoadOptions(input=said.input, output=said.output, concurrency=said.users),
        prefill=PrefillOptions(),
        chips=(said.chip,),
        users=(),
        prices=(),
        assumptions=(),
        calibrated=None,
        stale=stale_here(said.state),
    )
    (answer,) = answers(wanted, catalogue_of(None))
    found = answer.prediction
    if found is None or found.ttft is None:
        why = answer.refused if found is None else " ".join(found.refused)
        raise TollwayError(f"--predict {said.model} --chip {said.chip}: {why}")
    speed, wait = found.user_tokens, found.ttft
    words = (
        f"predicted ({found.origin}) with {said.users} users, 80% interval {speed.low:.1f} to "
        f"{speed.high:.1f} tokens/s, TTFT {wait.low:.2f} to {wait.high:.2f} s"
    )
    title = f"{said.model} on {answer.chips}"
    waits = Waits(Seconds(wait.value))
    rate, ends = TokensPerSecond(speed.value), (wait.low, wait.high)
    return Felt(title, rate, waits, None, words, speed.low, speed.high, ends)


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction that is asked for."""

    model: str
    chip: str
    tp: int
    users: int
    input: int
    output: int
    state: str | None
