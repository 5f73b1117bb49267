"""What `tollway contracts cost` may be told of a workload, to price its tokens."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter


@Parameter(name="*", group=Group("Tokens at an SLO", sort_key=1))
@dataclass(frozen=True, slots=True)
class ServingOptions:
    """A workload on the contract's chips.

    Parameters
    ----------
    model
        A model of the catalogue: its tokens are priced.
    chip
        The chip, where the contract states none; an assumption of yours.
    tp
        Chips of one replica.
    precision
        Of weights. Default: as published.
    input
        Input tokens of a request.
    output
        Output tokens of a request.
    tpot
        The longest mean time between tokens: 50ms.
    ttft
        The longest mean time to the first token: 2s. Default: any.
    """

    model: str | None = None
    chip: str | None = None
    tp: int = 8
    precision: str | None = None
    input: Annotated[int, Parameter(name="--input")] = 1024
    output: Annotated[int, Parameter(name="--output")] = 1024
    tpot: str = "50ms"
    ttft: str | None = None
