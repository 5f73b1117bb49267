"""The package index's settings as frozen objects. See `build`."""

from types import MappingProxyType

from tollway.fleet.declared import Declared
from tollway.fleet.indexing import IndexSettings, PackageRules, PackageUpstream


def index_of(declared: Declared) -> IndexSettings | None:
    """The index of a declaration without faults; None where it has none."""
    table = declared.index.table
    if table is None:
        return None
    facts = dict(table)
    host, port = facts.pop("listen")
    rules = PackageRules(**dict(facts.pop("rules")))
    ranked = MappingProxyType({kind: it for kind, it in facts.pop("ranked") if it is not None})
    upstreams: dict[str, PackageUpstream] = {}
    for name, it in facts.pop("upstreams").items():
        own = dict(it)
        credential = own.pop("credential")
        upstreams[name] = PackageUpstream(
            name=name,
            names=tuple(own.pop("names")),
            files=tuple(own.pop("files")),
            credential=None if credential is None else declared.credentials[credential].table,
            **own,
        )
    proxies = MappingProxyType(upstreams)
    return IndexSettings(host, port, rules=rules, ranked=ranked, upstreams=proxies, **facts)
