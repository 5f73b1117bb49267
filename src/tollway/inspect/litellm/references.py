"""Keys as references: what stands in the file is looked at, and never written anywhere.

Rules
1. `os.environ/NAME` becomes `env:NAME`. A key in plain text becomes a variable that is the user's
   to export, one for each different key.
"""

from collections.abc import Mapping

from tollway.fleet.quantities import MalformedError, credential
from tollway.inspect.litellm.notes import Notes
from tollway.inspect.litellm.providers import Provider

_PREFIX = "os.environ/"
_NONE = (
    *("", "none", "null", "na", "n/a", "xxx", "empty", "dummy", "fake", "fake-key", "anything"),
    *("no-key", "not-needed", "notneeded", "sk-no-key-required", "lm-studio", "ollama"),
)
"""What people write where an engine wants no key."""


class References:
    """The variables that keys are in. `environ` is only read for URLs and for which of a provider's
    variables is set."""

    def __init__(self, environ: Mapping[str, str], taken: set[str], notes: Notes) -> None:
        self.environ = environ
        self._taken = taken
        self._notes = notes
        self._plain: dict[str, str] = {}

    def default(self, provider: Provider) -> str:
        """Where LiteLLM finds a provider's key by itself."""
        here = [name for name in provider.variables if self.environ.get(name)]
        return f"env:{(here or provider.variables)[0]}"

    def reference(self, written: str, provider: Provider, line: int, key: str) -> str | None:
        """The reference for an `api_key`; None where it is only a word for none."""
        if written.startswith(_PREFIX):
            reference = f"env:{written.removeprefix(_PREFIX)}"
            try:
                credential(reference)
            except MalformedError:
                self._notes.add(line, key, "does not name an environment variable")
                return None
            return reference
        if written.strip().lower() in _NONE:
            self._notes.add(line, key, "is a word for no key: none is sent")
            return None
        if written not in self._plain:
            self._plain[written] = self._free(provider)
        name = self._plain[written]
        self._notes.add(
            line,
            key,
            f"a key stands here in plain text (not shown): export it as {name}, which the fleet "
            "file names, and change it if others could read this file",
        )
        return f"env:{name}"

    def _free(self, provider: Provider) -> str:
        stem = provider.variables[0] if provider.variables else f"{provider.name}_api_key".upper()
        name, count = stem, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name
