"""Whether a model's files are those that somebody signed, by OpenSSF Model Signing.

Rules
1. What cannot be checked is not audited, and never taken for signed.
2. A Sigstore identity is checked with the roots that the library brings, without the network.
"""

from pathlib import Path

from tollway.fleet.pinning import ModelSignature, PinSettings
from tollway.pins.finding import Finding, Findings, Unaudited

_MEND = "Find out who changed it; if it is meant, have it signed again."
_RULE = "verify.model-signature"


def signed_weights(folder: Path, pins: PinSettings) -> Findings:
    """Weights of a fleet file in `folder` that must be signed, and are not."""
    wanted = {name: it for name, it in pins.weights.items() if it.signed is not None}
    if not wanted:
        return Findings()
    found: list[Finding] = []
    unaudited: list[Unaudited] = []
    for name, it in wanted.items():
        component = f"weights:{name}"
        assert it.signed is not None  # noqa: S101 - as `wanted` has it
        signature = folder / it.signed.path
        if not signature.is_file():
            problem = "has no signature"
            found.append(Finding(component, _RULE, problem, _MEND, it.signed.path))
            continue
        try:
            problem = _unsigned(folder, folder / it.path, signature, it.signed)
        except ImportError as error:
            why = f"checking it needs {error.name}; run: pip install 'tollway[pins]'"
            unaudited.append(Unaudited(component, "its signature", why))
            continue
        if problem:
            found.append(Finding(component, _RULE, problem, _MEND, it.signed.path))
    return Findings(tuple(found), tuple(unaudited))


def _unsigned(folder: Path, model: Path, signature: Path, by: ModelSignature) -> str:
    """Why the files are not as signed, as a clause; an empty text where they are."""
    from model_signing import hashing, verifying

    config = verifying.Config().set_hashing_config(
        hashing.Config().set_ignored_paths(paths=[signature], ignore_git_paths=False)
    )
    try:
        if by.public_key is not None:
            config.use_elliptic_key_verifier(public_key=folder / by.public_key)
        else:
            config.use_sigstore_verifier(identity=by.identity or "", oidc_issuer=by.issuer or "")
        config.verify(model, signature)
    except Exception as error:  # noqa: BLE001 - the library raises what its parts do
        line = " ".join(str(error).split())[:200]
        return f"is not what its signer signed: {line or type(error).__name__}"
    return ""
