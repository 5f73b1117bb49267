"""Deployments as sources: those that have an address, a key and bounds in common are one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tollway.inspect.litellm.deployments import Deployment, Terms
from tollway.inspect.litellm.naming import free_name


@dataclass(frozen=True, slots=True)
class Source:
    """A source, and the deployment that it serves each model by."""

    name: str
    terms: Terms
    serves: dict[str, Deployment] = field(default_factory=dict[str, Deployment])


def sources_of(deployments: Sequence[Deployment]) -> list[Source]:
    """The sources, in the order of their first deployments. Two deployments of one model are two
    sources, even at one address, because a source serves a model once; so is one that bounds its
    requests in flight, because `slots` holds for a whole source."""
    found: list[Source] = []
    for one in deployments:
        for source in found:
            alike = source.terms == one.terms and one.terms.slots is None
            if alike and one.group not in source.serves:
                break
        else:
            taken = {source.name for source in found}
            source = Source(free_name(one.terms.provider.replace("_", "-"), taken), one.terms)
            found.append(source)
        source.serves[one.group] = one
    return found


def weights(sources: Iterable[Source], group: str) -> dict[str, Decimal] | None:
    """Source -> weight, where each deployment of the group has one."""
    found = {it.name: it.serves[group].weight for it in sources if group in it.serves}
    known = {name: weight for name, weight in found.items() if weight is not None}
    return known if len(known) == len(found) > 1 else None
