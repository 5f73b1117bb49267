"""How many files and connections this process may have open."""

import resource

from tollway.fleet.objects import GatewaySettings

_A_STREAM = 2
"""A client's connection and a source's."""
_OTHERS = 64
"""The ledger, the log, the sockets that are listened on, what the libraries open."""


def raise_limit() -> int:
    """Take all that the system lets this process have. Returns how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def too_few(limit: int, settings: GatewaySettings) -> str | None:
    """What to say where the fleet lets in more streams than so many descriptors can carry; None
    where they suffice."""
    needed = _A_STREAM * settings.max_streams + _OTHERS
    if limit >= needed or limit == resource.RLIM_INFINITY:
        return None
    return (
        f"this process may have {limit} files open, about {max(limit - _OTHERS, 0) // _A_STREAM} "
        f"streams at once, and gateway.max_streams is {settings.max_streams}: allow it {needed} "
        "(ulimit -n, or LimitNOFILE= in its unit), or lower max_streams"
    )
