"""From the `[pins]` table to frozen settings."""

from types import MappingProxyType

from tollway.fleet.pinning import Acceptance, ModelPin, ModelSignature, PinSettings, WeightsPin
from tollway.fleet.schema_pins import ModelSignatureTable, PinsTable


def pins_of(table: PinsTable | None) -> PinSettings | None:
    """The settings; None where nothing is pinned."""
    if table is None:
        return None
    return PinSettings(
        mode=table.mode,
        lock=table.lock,
        requirements=tuple(table.requirements),
        prompts=tuple(table.prompts),
        images=tuple(table.images),
        models=MappingProxyType(
            {
                name: ModelPin(tuple(it.answers), tuple(it.fingerprints), it.shutdown)
                for name, it in table.models.items()
            }
        ),
        weights=MappingProxyType(
            {
                name: WeightsPin(it.path, tuple(it.formats), tuple(it.globals), _signed(it.signed))
                for name, it in table.weights.items()
            }
        ),
        runtimes=MappingProxyType(dict(table.runtimes)),
        fallbacks=MappingProxyType(dict(table.fallbacks)),
        accept=tuple(Acceptance(it.component, it.rule, it.reason, it.until) for it in table.accept),
    )


def _signed(table: ModelSignatureTable | None) -> ModelSignature | None:
    if table is None:
        return None
    return ModelSignature(table.path, table.public_key, table.identity, table.issuer)
