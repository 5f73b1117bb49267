"""Whether provisioned throughput is one capacity, or several that a plan would mistake for one.

Rules
1. A unit of an offer is one capacity, which its models share as the plan likes. Throughput that is
   bought for each of several models is as many capacities: it is refused, with its mend.
"""

from collections.abc import Mapping

from tollway.errors import Fault
from tollway.fleet.contract import Clauses, Contract
from tollway.fleet.planning import Demand


def several_capacities(
    contract: Contract, clauses: Clauses, demands: Mapping[str, Demand]
) -> tuple[Fault, ...]:
    """A fault where the models of `demands` would draw on different entries of `provisioned`;
    none where capacity is stated in tokens a minute, which is all there is."""
    entries = clauses.provisioned
    if any(one.tokens_per_minute for one in clauses.capacity):
        return ()
    models = dict.fromkeys(model for one in demands.values() for model in one.models)
    drawn = {
        model: tuple(at for at, it in enumerate(entries) if it.model in (None, model))
        for model in models
    }
    served = [model for model, which in drawn.items() if which]
    if len({drawn[model] for model in served}) < 2:
        return ()
    problem = f"names throughput for several models of the plan ({', '.join(sorted(served))})"
    mend = "Write a contract for each model, with its part of the fee."
    return (Fault(f"contracts.{contract.name}.provisioned", problem, mend),)
