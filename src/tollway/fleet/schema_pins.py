"""The `[pins]` table: what the lock covers, and how far the gateway goes by it. See `schema`."""

from typing import Annotated

from pydantic import Field

from tollway.fleet.fields import Day, Text
from tollway.fleet.pinning import PinMode
from tollway.fleet.table import Table, key

LockName = Annotated[str, Field(pattern=r"^[^/\\]{1,200}\.lock$")]
Reference = Annotated[str, Field(pattern=r"^[^\s@]{1,400}@sha256:[0-9a-f]{64}$")]
Called = Annotated[str, Field(pattern=r"^[a-z-]{1,20}:.{1,400}$")]


class ModelPinTable(Table):
    """What is known of a model behind a source."""

    answers: list[Text] = key(
        "Model ids that it may answer under; the id that it is asked for unless written.", []
    )
    fingerprints: list[Text] = key("Values of `system_fingerprint`; any unless written.", [])
    shutdown: Day | None = key("Its announced last day, UTC.", None)


class ModelSignatureTable(Table):
    """Who must have signed a model's files (OpenSSF Model Signing): a key, or an identity."""

    path: Text = key("The signature, relative to this file.")
    public_key: Text | None = key("The signer's public key (PEM, elliptic curve).", None)
    identity: Text | None = key(
        "The signer's identity, as Sigstore has it: an e-mail, a URL.", None
    )
    issuer: Text | None = key("Who vouches for the identity: an OpenID issuer's URL.", None)


class WeightsPinTable(Table):
    """A model's files."""

    path: Text = key("A file or a folder, relative to this file.")
    formats: list[Text] = key(
        "Formats that its loader may read; safetensors, gguf and plain data unless written.", []
    )
    globals: list[Text] = key('What a pickle in it may name besides: "module.name".', [])
    signed: ModelSignatureTable | None = key("Who must have signed them.", None)


class AcceptanceTable(Table):
    """A finding of `tollway audit`, `verify` or `threatmodel` that you live with for a time."""

    component: Called = key(
        'Whose: "kind:name" of the lock; of the threat model also "route:NAME" and the like, and '
        '"fleet:all" for everything.'
    )
    rule: Text = key("Which finding, by the word in brackets, or the threat's id.")
    reason: Text = key("Why it may stand.")
    until: Day = key("The last day on which it may, UTC.")


class PinsTable(Table):
    """What the lock covers besides sources and tools. `tollway lock` writes the lock."""

    mode: PinMode = key(
        "off; flag: answers of another model are told; enforce: routes serve only locked models, "
        "and an answer of another model is refused. Routes may say otherwise.",
        "off",
    )
    lock: LockName = key("The lock, in this file's folder.", "ai.lock")
    requirements: list[Text] = key(
        "Files of locked packages: requirements with hashes, pylock.toml, uv.lock, "
        "package-lock.json.",
        [],
    )
    prompts: list[Text] = key("Prompt files, as paths or globs within this file's folder.", [])
    images: list[Reference] = key('Container images: "name@sha256:...".', [])
    models: dict[str, ModelPinTable] = key('Models behind sources, by "source/model".', {})
    weights: dict[str, WeightsPinTable] = key("Files of models, by a name of yours.", {})
    runtimes: dict[str, Text] = key('Engines and interpreters: vllm = "0.12.0".', {})
    fallbacks: dict[str, Text] = key(
        'What serves instead, by "kind:name": another "kind:name", or words.', {}
    )
    accept: list[AcceptanceTable] = key("Findings that may stand for a time.", [])
