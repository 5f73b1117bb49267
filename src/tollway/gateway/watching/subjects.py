"""Where a watched model is: its source, and a route that leads there."""

import ssl

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.gateway.upstream import Origin
from tollway.inspect.secretfile import read_secret


def origin_of(fleet: Fleet, name: str) -> tuple[Origin, str]:
    """The source of `SOURCE/MODEL` as it is reached, and the model as it knows it.

    Raises:
        TollwayError: its credential or its certificates cannot be read.
    """
    source_name, _, model = name.partition("/")
    source = fleet.sources[source_name]
    secret = None if source.credential is None else read_secret(source.credential)
    try:
        return Origin.of(source, secret), source.serves[model].upstream_model
    except (OSError, ssl.SSLError) as error:
        raise TollwayError(f"sources.{source_name}.ca_file cannot be used: {error}.") from error


def route_to(fleet: Fleet, tenant: str, name: str) -> str | None:
    """A route that the tenant may use and that `SOURCE/MODEL` serves; None where there is none."""
    source, _, model = name.partition("/")
    allowed = fleet.tenants[tenant].routes
    for alias, route in sorted(fleet.routes.items()):
        if allowed is not None and alias not in allowed:
            continue
        pairs = (*route.candidates, *route.fallbacks)
        if any(it.source == source and it.model == model for it in pairs):
            return alias
    return None
