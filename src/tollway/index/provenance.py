"""Who an index says published a file, by its PEP 740 provenance.

Rules
1. What is told is taken as told: signatures are verified where the lock is made and audited, and
   this only holds what is said now against what was said then.
"""

from typing import Any, cast

from tollway.index.refusal import unreadable
from tollway.index.strict import read_object
from tollway.index.upstream import Upstream
from tollway.pins.component import Publisher
from tollway.pins.packages import publisher_of

_ACCEPTED = "application/vnd.pypi.integrity.v1+json, application/json;q=0.9"


async def publishers_of(upstream: Upstream, what: str, url: str) -> tuple[Publisher, ...]:
    """The publishers of the file whose provenance lies at `url`.

    Raises:
        RefusedError: it cannot be read: then nobody knows, and nothing is served.
    """
    page = await upstream.page(f"{what}: its provenance", url, _ACCEPTED)
    try:
        return read_publishers(page.body)
    except ValueError as error:
        raise unreadable(f"{what}: its provenance", str(error)) from None


def read_publishers(body: bytes) -> tuple[Publisher, ...]:
    """The publishers that a provenance object names.

    Raises:
        ValueError: it is none; the text says why.
    """
    bundles = read_object(body).get("attestation_bundles")
    if not isinstance(bundles, list):
        raise ValueError("it has no attestation bundles")
    return tuple(_publisher(it) for it in cast("list[Any]", bundles))


def _publisher(bundle: object) -> Publisher:
    told = cast("dict[str, Any]", bundle).get("publisher") if isinstance(bundle, dict) else None
    if not isinstance(told, dict):
        raise ValueError("a bundle of it names no publisher")
    return publisher_of(cast("dict[str, Any]", told))
