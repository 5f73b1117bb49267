"""LiteLLM's `model_list`: each entry as a deployment that a source can be made of, or a note.

Rules
1. A key that stands in the file is never carried: the fleet file refers to a variable instead.
2. An entry that cannot be carried is left out whole, with one note, not with one for each key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from tollway.fleet.quantities import MalformedError, is_loopback, token_price, url
from tollway.inspect.litellm.marked import Marked
from tollway.inspect.litellm.notes import Notes
from tollway.inspect.litellm.providers import Provider, named, providers, why_not
from tollway.inspect.litellm.reasons import reasons
from tollway.inspect.litellm.references import References

_LONGEST = 1024
_SERVED = ("chat", "completion", "embedding", "responses")
_PRICES = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_token": "output",
}
_CARRIED = (
    *("model", "custom_llm_provider", "api_base", "base_url", "api_key", "litellm_credential_name"),
    *("region_name", "rpm", "tpm", "weight", "max_parallel_requests", "timeout", "stream_timeout"),
    *_PRICES,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What deployments must have in common to be one source. Times are seconds."""

    provider: str
    kind: str
    url: str
    credential: str | None
    dialects: tuple[str, ...]
    slots: int | None
    timeout: Decimal | None
    stream_timeout: Decimal | None
    region: str | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model at one place. `prices` are USD a million tokens, by the fleet file's keys."""

    line: int
    path: str
    group: str
    upstream: str
    terms: Terms
    prices: tuple[tuple[str, str], ...]
    context: int | None
    weight: Decimal | None


def deployments(document: Marked, references: References, notes: Notes) -> list[Deployment]:
    """The deployments of `model_list`, in its order."""
    listed = document.get("model_list")
    credentials = _credentials(document)
    found: list[Deployment] = []
    for index, entry in enumerate(listed.each() if listed else ()):
        path = f"model_list[{index}]"
        one = _Entry(entry, path, credentials, references, notes).deployment()
        if one is not None:
            found.append(one)
    return found


def _credentials(document: Marked) -> dict[str, Marked]:
    """`credential_list`: the parameters that a deployment takes over by a name."""
    listed = document.get("credential_list")
    found: dict[str, Marked] = {}
    for entry in listed.each() if listed else ():
        name, values = entry.get("credential_name"), entry.get("credential_values")
        if name and name.text and values:
            found[name.text] = values
    return found


class _Entry:
    """One entry of `model_list`."""

    def __init__(
        self,
        entry: Marked,
        path: str,
        credentials: Mapping[str, Marked],
        references: References,
        notes: Notes,
    ) -> None:
        self._entry = entry
        self._path = path
        self._params = entry.get("litellm_params") or Marked(entry.line)
        self._info = entry.get("model_info") or Marked(entry.line)
        self._references = references
        self._notes = notes
        name = self._words("litellm_credential_name")
        self._shared = credentials.get(name or "", Marked(entry.line))

    def deployment(self) -> Deployment | None:
        group, model = self._entry.get("model_name"), self._words("model")
        if group is None or group.text is None or model is None:
            return self._out("has no model_name, or no litellm_params.model")
        if "*" in group.text or "*" in model:
            return self._out("is a wildcard: a fleet file names each model")
        mode = self._info.get("mode")
        if mode and mode.text not in _SERVED:
            return self._out(f"is for {mode.text}: Tollway serves chat, completions, embeddings")
        base, custom = self._base(), self._words("custom_llm_provider")
        if base is None:
            return None
        name, upstream = named(model, custom, at_own_url=bool(base))
        provider = providers().get(name)
        if provider is None:
            return self._out(why_not(name))
        if not upstream or len(upstream) > _LONGEST or not upstream.isprintable():
            return self._out("names no model behind the provider's name")
        where = self._url(provider, base)
        if where is None:
            return None
        terms = self._terms(provider, where, own=bool(base))
        self._rest(provider)
        return Deployment(
            line=self._entry.line,
            path=self._path,
            group=group.text,
            upstream=upstream,
            terms=terms,
            prices=self._prices(),
            context=self._count(self._info, "max_input_tokens", "model_info"),
            weight=self._weight(),
        )

    def _get(self, key: str) -> Marked | None:
        return self._params.get(key) or self._shared.get(key)

    def _words(self, key: str) -> str | None:
        found = self._params.get(key)
        return found.text if found else None

    def _count(self, table: Marked, key: str, name: str) -> int | None:
        found = table.get(key)
        if found is not None and found.count is None:
            self._notes.unread(table, key, f"{self._path}.{name}")
        return found.count if found else None

    def _out(self, why: str) -> None:
        self._notes.add(self._entry.line, self._path, f"{why}; the deployment is left out")

    def _base(self) -> str | None:
        """`api_base` as written; empty where there is none, None where it cannot be known."""
        found = self._get("api_base") or self._get("base_url")
        if found is None or found.text is None:
            return ""
        if not found.text.startswith("os.environ/"):
            return found.text.rstrip("/")
        variable = found.text.removeprefix("os.environ/")
        value = self._references.environ.get(variable, "")
        if not value:
            self._out(f"api_base is in the variable {variable}: export it, and import again")
            return None
        return value.rstrip("/")

    def _url(self, provider: Provider, base: str) -> str | None:
        if not base and provider.url is None:
            return self._out(f"provider {provider.name} needs api_base")
        written = base or provider.url or ""
        if base:
            written = _without_endpoint(base, provider)
        try:
            return url(written)
        except MalformedError as error:
            return self._out(f"api_base {error.problem}")

    def _terms(self, provider: Provider, where: str, *, own: bool) -> Terms:
        parts = urlsplit(where)
        host = parts.hostname or ""
        served = parts.scheme == "http" or is_loopback(host) or (own and not provider.variables)
        region = self._words("region_name")
        return Terms(
            provider=provider.name,
            kind="server" if served else "api",
            url=where,
            credential=self._credential(provider, own=own),
            dialects=provider.at_home if where == provider.url else provider.dialects,
            slots=self._count(self._params, "max_parallel_requests", "litellm_params"),
            timeout=self._seconds("timeout"),
            stream_timeout=self._seconds("stream_timeout"),
            region=region if region and len(region) <= _LONGEST and region.isprintable() else None,
        )

    def _credential(self, provider: Provider, *, own: bool) -> str | None:
        found = self._get("api_key")
        if found is None or found.text is None:
            needs = bool(provider.variables) and not (own and provider.name == "openai")
            return self._references.default(provider) if needs else None
        line = self._params.lines.get("api_key", found.line)
        return self._references.reference(found.text, provider, line, f"{self._path}.api_key")

    def _seconds(self, key: str) -> Decimal | None:
        found = self._params.get(key)
        number = found.number if found else None
        if found is not None and (number is None or number <= 0):
            self._notes.unread(self._params, key, f"{self._path}.litellm_params")
            return None
        return number

    def _weight(self) -> Decimal | None:
        """What LiteLLM's simple-shuffle weighs deployments by: weight, else rpm, else tpm."""
        for key in ("weight", "rpm", "tpm"):
            number = self._seconds(key)
            if number is not None:
                return number
        return None

    def _prices(self) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for key, name in _PRICES.items():
            table = self._params if self._params.get(key) else self._info
            written = table.get(key)
            if written is None:
                continue
            if written.number is None:
                self._notes.unread(table, key, self._path)
                continue
            price = f"{(written.number * 10**6).normalize():f}"
            try:
                token_price(price)
            except MalformedError as error:
                self._notes.add(table.lines[key], f"{self._path}.{key}", error.problem)
                continue
            found[name] = price
        if not found:
            return ()
        return tuple({"input": "0", **found, "output": found.get("output", "0")}.items())

    def _rest(self, provider: Provider) -> None:
        """Notes on the keys that are not carried."""
        why = dict(reasons("deployment"))
        if provider.name != "azure":
            why.pop("api_version")
        self._notes.rest(self._params, f"{self._path}.litellm_params", _CARRIED, why)
        described = [key for key in self._info.entries if key.startswith("supports_")]
        known = (*described, *_PRICES)
        self._notes.rest(self._info, f"{self._path}.model_info", known, reasons("info"))
        for key in ("rpm", "tpm"):
            if self._params.get(key):
                self._notes.add(
                    self._params.lines[key],
                    f"{self._path}.litellm_params.{key}",
                    "bounds no source: it is a weight between deployments, where the strategy is "
                    "simple-shuffle; `slots` bounds requests in flight",
                )
        self._notes.rest(
            self._entry, self._path, ("model_name", "litellm_params", "model_info"), {}
        )


def _without_endpoint(base: str, provider: Provider) -> str:
    """The URL up to where an endpoint would follow, with what LiteLLM adds to it by itself."""
    parts = urlsplit(base)
    if provider.name == "azure":
        return f"{parts.scheme}://{parts.netloc}{provider.version}"
    for endpoint in ("/chat/completions", "/completions", "/embeddings", "/messages"):
        base = base.removesuffix(endpoint)
    if provider.version and not base.endswith(provider.version):
        return base + provider.version
    return base
