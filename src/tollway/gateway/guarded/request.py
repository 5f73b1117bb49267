"""One request under the guard: what each source gets of it, and how its answers are inspected."""

from collections.abc import Mapping

from tollway.gateway.asking import Asking
from tollway.gateway.guarded.answers import Incoming
from tollway.gateway.guarded.attempts import Inspected
from tollway.gateway.guarded.clearing import Labels
from tollway.gateway.guarded.inspector import Inspector
from tollway.gateway.upstream import Upstream
from tollway.gateway.wording import Asked
from tollway.guard.replace import Tokens

_KEPT_BACK = b'{"error":{"message":"The source refused, in words that may not come in."}}'


class Guarded:
    """`asked` is the request by the labels of the sources that may have it; None: every one has it
    as it came, in `plain`. `inspected` is None where answers go out as they come."""

    __slots__ = ("_asked", "_plain", "inspected")

    def __init__(
        self, plain: Asked, asked: Mapping[Labels, Asked] | None, inspected: Inspected | None
    ) -> None:
        self._plain = plain
        self._asked = asked
        self.inspected = inspected

    def asked_of(self, labels: tuple[str, ...]) -> Asked | None:
        """What a source with these labels is asked; None where it may not be."""
        if self._asked is None:
            return self._plain
        return self._asked.get(frozenset(labels))

    def error(self, body: bytes, upstream: Upstream | None) -> bytes:
        """A source's own error, as it may come in."""
        if self.inspected is None:
            return body
        said = None if upstream is None else self.inspected.error(body, upstream)
        return said or _KEPT_BACK

    def forget(self) -> None:
        """Nobody else will be asked."""
        for one in (self._asked or {}).values():
            one.forget()


def inspected_of(inspector: Inspector, asking: Asking, tokens: Tokens | None) -> Inspected | None:
    """How the answers to a request are inspected; None where they go out as they come."""
    guard = inspector.guard
    if guard is None or "in" not in guard.settings.directions:
        guard = None
        if tokens is None:
            return None
    key, facts = asking.key, asking.asked.facts
    incoming = Incoming(
        guard,
        asking.id,
        key.tenant,
        key.id,
        facts.model,
        tokens,
        inspector.utc,
        inspector.tell,
        facts.operation == "embedding",
        asking.wish.task,
    )
    return Inspected(incoming, inspector)
