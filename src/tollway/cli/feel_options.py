"""What is said on the command line of `tollway feel` beside the rate."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """A source that is felt as it is now.

    Parameters
    ----------
    source
        A source as it is now, waits and jitter included; SOURCE:MODEL for one model of it.
    watch
        Seconds that the running gateway is watched for --source. 0: all since its start.
    """

    source: str | None = None
    watch: float = 10.0


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionOptions:
    """A model as it is predicted to be on a chip; what is said of it is as in `tollway predict`.

    Parameters
    ----------
    predict
        A model as it is predicted to be on --chip.
    chip
        The chip to predict it on.
    tp
        Chips of one replica of the prediction.
    pp
        Pipeline stages of the prediction.
    ep
        Chips over which whole experts are spread, of the prediction.
    dp_attention
        Groups of tp chips with sequences of their own, of the prediction.
    precision
        Of the prediction's weights: bf16, fp16, fp8, fp4, int8, int4. Default: as published.
    engine
        The engine of the prediction: vllm, sglang, trtllm, …
    prefix_share
        The share of prompt tokens found in the prefix cache, of the prediction.
    concurrency
        Users at once of the prediction.
    input
        Tokens of a prompt of the prediction.
    output
        Tokens of an answer of the prediction.
    """

    predict: str | None = None
    chip: str | None = None
    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp_attention: int = 1
    precision: str | None = None
    engine: str = "vllm"
    prefix_share: float = 0.0
    concurrency: int = 64
    input: Annotated[int, Parameter(name="--in")] = 1024
    output: Annotated[int, Parameter(name="--out")] = 1024


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SumOptions:
    """What the arithmetic goes by.

    Parameters
    ----------
    tokens
        Tokens of an answer, for the arithmetic. Default: as in the mode's texts.
    requests
        Answers a day, for the arithmetic. Default: the ledger's mean of 7 days.
    """

    tokens: int | None = None
    requests: float | None = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions:
    """How streams are shown.

    Parameters
    ----------
    seconds
        Show it for so long.
    seed
        Draw the same jitter again.
    """

    seconds: float | None = None
    seed: int | None = None
