"""Who attests an artifact (PEP 740), verified by sigstore without a network.

Rules
1. The trusted root is the one that sigstore carries, or its cache of it; none is fetched.
2. A publisher is named only where every attestation of its bundle verifies over this very digest.
"""

import logging

from tollway.pins.component import Artifact, Publisher
from tollway.pins.packages import Attested, publisher_of


def attested(artifact: Artifact, provenance: bytes) -> Attested:
    """Verify a provenance object over an artifact's name and digest."""
    from pydantic import ValidationError
    from pypi_attestations import Distribution, Provenance

    kind, _, digest = artifact.digest.partition(":")
    if kind != "sha256":
        return Attested(problems=("attestations are over sha256, and the lock has another digest",))
    try:
        told = Provenance.model_validate_json(provenance)
        distribution = Distribution(name=artifact.name, digest=digest)
    except (ValidationError, RecursionError) as error:
        return Attested(problems=(f"it is no provenance of PEP 740: {_line(error)}",))
    if not any(it.attestations for it in told.attestation_bundles):
        return Attested(problems=("it holds no attestation",))
    publishers: list[Publisher] = []
    problems: list[str] = []
    # sigstore logs a warning that it is offline: that is what was asked of it.
    logging.getLogger("sigstore._internal.tuf").setLevel(logging.ERROR)
    for bundle in told.attestation_bundles:
        try:
            for attestation in bundle.attestations:
                attestation.verify(bundle.publisher, distribution, offline=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not verified
            problems.append(_line(error))
        else:
            if bundle.attestations:
                publishers.append(publisher_of(bundle.publisher.model_dump()))
    return Attested(tuple(dict.fromkeys(publishers)), tuple(problems))


def _line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 200 else f"{words[:197]}..."
