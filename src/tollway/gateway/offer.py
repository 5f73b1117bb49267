"""What a running gateway says to who wants to run an agent: no file has to be read for it."""

from collections.abc import Mapping

import msgspec

from tollway.fleet.egressing import SecretUse
from tollway.fleet.objects import Fleet
from tollway.fleet.sandboxing import SandboxSettings
from tollway.ledger.keys import KeyRecord


class Offer(msgspec.Struct, frozen=True):
    """Of the fleet that is served now: how agents run, which secrets tasks may use, what the ledger
    is called in the state folder, whether there are a proxy, tools and a package index, and each
    tenant's living keys, by their ids."""

    settings: SandboxSettings
    secrets: Mapping[str, SecretUse]
    ledger: str
    egress: bool
    tools: bool
    keys: Mapping[str, tuple[str, ...]]
    index: bool = False


def offer(fleet: Fleet, keys: tuple[KeyRecord, ...], utc: float) -> Offer:
    """The offer of a fleet whose ledger has these keys."""
    living = [it for it in keys if it.expires is None or utc < it.expires]
    owned = {name: tuple(it.id for it in living if it.tenant == name) for name in fleet.tenants}
    return Offer(
        fleet.sandbox,
        dict(fleet.secrets),
        fleet.gateway.ledger,
        fleet.egress is not None,
        fleet.tools is not None,
        owned,
        fleet.index is not None,
    )
