"""What is felt: a rate that is asked for, a source as it was observed, a prediction.

Rules
1. A ledger that cannot be read stops nobody from feeling a rate; that is said.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tollway.cli.feel_options import PredictionOptions
from tollway.cli.where import Where
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.feel.observed import Observed
from tollway.feel.pacing import FASTEST, Chance, Gaps, Player, Waits, jittered
from tollway.feel.texts import Mode, endless
from tollway.feel.tokens import Token, tokens
from tollway.feel.told import Ends
from tollway.ledger.felt import requests_a_day
from tollway.ledger.sqlite import open_reader
from tollway.units import Seconds, TokensPerSecond

if TYPE_CHECKING:
    from tollway.cli.predict_answers import Wanted


NUDGED = "as nudged by hand"


@dataclass(frozen=True, slots=True)
class Felt:
    """A stream to look at: its `name` (none where only a rate was asked for), its rate and wait,
    the gaps it was seen to have, and where all that is from, in words and as one word. `ends` are
    those of its intervals, where it was predicted; `seen` what was measured, where it was."""

    name: str
    rate: TokensPerSecond
    waits: Waits
    gaps: Gaps | None
    origin: str
    provenance: str
    ends: Ends | None = None
    seen: Observed | None = None

    @property
    def title(self) -> str:
        """What a table calls it."""
        return self.name or f"{self.rate:.4g} tokens/s"

    def player(self, mode: Mode, chance: Chance) -> Player:
        """Its stream in a mode, from the beginning."""
        stream: Iterator[Token] = jittered(tokens(endless(mode)), self.gaps, chance)
        return Player(stream, TokensPerSecond(min(self.rate, FASTEST)), self.waits, chance)


def asked_for(rate: TokensPerSecond, ttft: float) -> Felt:
    """A rate that somebody named."""
    return Felt("", rate, Waits(Seconds(ttft)), None, "as asked for", "asked for")


def chance_of(seed: int | None) -> Chance:
    """Where jitter is drawn from."""
    return Random(seed).random  # noqa: S311 - jitter that is looked at, no secret


def daily_requests(said: float | None, where: Where) -> tuple[float | None, str]:
    """Requests a day, and where the figure is from (rule 1)."""
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


def of_prediction(said: PredictionOptions, where: Where) -> Felt | None:
    """A model on a chip as the engine model predicts it; None where none was asked for.

    Raises:
        TollwayError: it cannot be predicted, or its TTFT is not known.
    """
    if said.predict is None and said.chip is None:
        return None
    if said.predict is None or said.chip is None:
        raise TollwayError("--predict MODEL and --chip CHIP belong together: name both.")
    from tollway.cli.predict_answers import answers
    from tollway.cli.predict_question import catalogue_of

    (answer,) = answers(_wanted(said, said.predict, said.chip, where), catalogue_of(None))
    found = answer.prediction
    if found is None or found.ttft is None:
        why = answer.refused if found is None else " ".join(found.refused)
        raise TollwayError(f"--predict {said.predict} --chip {said.chip}: {why}")
    speed, wait = found.user_tokens, found.ttft
    words = (
        f"predicted (provenance: {found.origin}) with {said.concurrency:,} users of "
        f"{said.input:,} tokens in and {said.output:,} out; 80% interval {speed.low:.1f} to "
        f"{speed.high:.1f} tokens/s, TTFT {wait.low:.2f} to {wait.high:.2f} s"
    )
    precision = f", {said.precision}" if said.precision else ""
    return Felt(
        f"{said.predict} on {answer.chips}{precision}",
        TokensPerSecond(speed.value),
        Waits(Seconds(wait.value)),
        None,
        words,
        found.origin,
        Ends((speed.low, speed.high), (wait.low, wait.high)),
    )


def _wanted(said: PredictionOptions, model: str, chip: str, where: Where) -> "Wanted":
    from tollway.cli.learned import stale_in
    from tollway.cli.predict_answers import Wanted
    from tollway.cli.predict_options import DeploymentOptions, LoadOptions, PrefillOptions

    return Wanted(
        deployment=DeploymentOptions(
            model=model,
            tp=said.tp,
            pp=said.pp,
            ep=said.ep,
            dp_attention=said.dp_attention,
            precision=said.precision,
            engine=said.engine,
            prefix_share=said.prefix_share,
        ),
        load=LoadOptions(input=said.input, output=said.output, concurrency=said.concurrency),
        prefill=PrefillOptions(),
        chips=(chip,),
        users=(),
        prices=(),
        assumptions=(),
        calibrated=None,
        stale=stale_in(where.path),
    )
