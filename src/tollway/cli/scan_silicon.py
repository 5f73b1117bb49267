"""The same tokens on chips of one's own, by the engine model's prediction.

Rules
1. Assumed: USERS requests at a time, all of the mean length, chips that are kept busy with them and
   paid for only so long, at the catalogue's rent of a neocloud.
2. What the engine model refuses is refused here, in its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tollway.cli.predict_question import catalogue_of, chip_of, counted, model_of
from tollway.engine.predict import predict
from tollway.engine.question import EngineSettings, Layout, Question, Workload
from tollway.errors import TollwayError
from tollway.hindsight.records import Call

USERS: Final = 32
RENT: Final = "neocloud"
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Own:
    """The same tokens on chips of one's own: USD, days that the chips would be busy at that load,
    the engine model's word for how near it is to what was measured, and what to say beside it."""

    name: str
    amount: float | None
    days: float | None
    origin: str | None
    words: str


def on_silicon(word: str, calls: Sequence[Call]) -> Own:
    """What `8xh200:MODEL` would have cost for the calls.

    Raises:
        TollwayError: the word names no chip or model of the catalogue.
    """
    chips, _, name = word.partition(":")
    if not name:
        raise TollwayError(f'--silicon is "{word}". Write CHIP:MODEL, as in 8xh200:gpt-oss-120b.')
    known = catalogue_of(None)
    count, chip_name = counted(chips, 1)
    chip, model = chip_of(known, chip_name), model_of(known, name)
    label = f"own {count} x {chip.name}: {model.name}"
    rent = chip.rents.get(RENT)
    if rent is None:
        return Own(label, None, None, None, f"the catalogue has no {RENT} rent of it")
    counted_calls = [call for call in calls if call.requests]
    if not counted_calls:
        return Own(label, None, None, None, "the logs count no requests")
    load, share, requests = _load(counted_calls)
    # Rows that count no requests are taken to be of the same lengths.
    requests *= _tokens(calls) / _tokens(counted_calls)
    question = Question(
        model, chip, load, Layout(tp=count), EngineSettings(prefix_share=min(0.99, share))
    )
    try:
        found = predict(question)
    except TollwayError as error:
        return Own(label, None, None, None, str(error))
    seconds = requests / found.requests.value
    price = count * rent / 3600
    low, high = (requests / end * price for end in (found.requests.high, found.requests.low))
    places = 4 if high < 1 else 2 if high < 100 else 0
    words = f"{found.origin}, ${low:,.{places}f} to ${high:,.{places}f}"
    return Own(label, seconds * price, seconds / DAY, found.origin, words)


def _load(calls: Sequence[Call]) -> tuple[Workload, float, float]:
    """The mean request, the share of prompts from a cache, and how many requests there were."""
    requests, given, cached, made = (
        sum(getattr(call, part) for call in calls)
        for part in ("requests", "input", "cached", "output")
    )
    load = Workload(max(1, given // requests), max(1, made // requests), concurrency=USERS)
    return load, cached / given if given else 0.0, float(requests)


def _tokens(calls: Sequence[Call]) -> int:
    return max(1, sum(call.input + call.output for call in calls))
