"""LiteLLM's router, library and server settings: objectives, fallbacks, times, aliases.

Rules
1. `router_settings` wins over `litellm_settings`, as it does in LiteLLM.
2. Every other key of these tables is noted with its reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tollway.inspect.litellm.marked import Marked
from tollway.inspect.litellm.naming import is_model_name
from tollway.inspect.litellm.notes import Notes
from tollway.inspect.litellm.reasons import reasons

_STRATEGIES = {
    "simple-shuffle": "weighted",
    "least-busy": "least-outstanding",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
    "usage-based-routing": "least-outstanding",
    "usage-based-routing-v2": "least-outstanding",
}
_TOKENS = "is carried as least-outstanding: Tollway counts no tokens a minute of a source"
_CHANGED = {
    "usage-based-routing": _TOKENS,
    "usage-based-routing-v2": _TOKENS,
    "latency-based-routing": "is carried as fastest: the least expected time to the whole answer",
}
_BOTH = ("fallbacks", "default_fallbacks", "allowed_fails", "cooldown_time")
_ROUTER = (*_BOTH, "routing_strategy", "model_group_alias", "timeout", "stream_timeout")
_LITELLM = (*_BOTH, "model_alias_map", "request_timeout", "max_budget", "budget_duration")
_GENERAL = ("global_max_parallel_requests",)
_TOP = (
    *("model_list", "credential_list", "router_settings", "litellm_settings", "general_settings"),
    *("teams", "keys"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is carried. Times are seconds; `fallbacks` are groups by group, in order; `aliases` are
    groups by their other names."""

    objective: str = "weighted"
    fallbacks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    default_fallbacks: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    timeout: Decimal | None = None
    stream_timeout: Decimal | None = None
    open_for: Decimal | None = None
    allowed_fails: int | None = None
    max_streams: int | None = None


def settings(document: Marked, groups: Sequence[str], notes: Notes) -> Settings:
    """The settings of a configuration that offers `groups`."""
    return _Settings(document, groups, notes).read()


class _Settings:
    def __init__(self, document: Marked, groups: Sequence[str], notes: Notes) -> None:
        nothing = Marked(1)
        self._document = document
        self._router = document.get("router_settings") or nothing
        self._litellm = document.get("litellm_settings") or nothing
        self._general = document.get("general_settings") or nothing
        self._groups = groups
        self._notes = notes

    def read(self) -> Settings:
        notes = self._notes
        notes.rest(self._document, "", _TOP, reasons("top"))
        notes.rest(self._router, "router_settings", _ROUTER, reasons("router"))
        notes.rest(
            self._litellm, "litellm_settings", _LITELLM, {**reasons("router"), **reasons("litellm")}
        )
        notes.rest(self._general, "general_settings", _GENERAL, reasons("general"))
        aliases = self._aliases()
        limit = self._general.get(_GENERAL[0])
        if limit is not None and limit.count is None:
            notes.unread(self._general, _GENERAL[0], "general_settings")
        timeout = self._seconds("timeout") or self._seconds("request_timeout")
        fails = self._either("allowed_fails")
        if fails is not None and fails.count is not None:
            place, line = self._place("allowed_fails")
            why = "is carried as the fewest failures that a breaker heeds within a minute, at half "
            notes.add(line, place, f"{why}of all requests: see [breaker]")
        return Settings(
            objective=self._objective(),
            fallbacks=self._fallbacks(aliases),
            default_fallbacks=self._defaults(aliases),
            aliases=aliases,
            timeout=timeout,
            stream_timeout=self._seconds("stream_timeout"),
            open_for=self._seconds("cooldown_time"),
            allowed_fails=fails.count if fails else None,
            max_streams=limit.count if limit else None,
        )

    def _either(self, key: str) -> Marked | None:
        return self._router.get(key) or self._litellm.get(key)

    def _place(self, key: str) -> tuple[str, int]:
        table = self._router if self._router.get(key) else self._litellm
        name = "router_settings" if table is self._router else "litellm_settings"
        return f"{name}.{key}", table.lines.get(key, 1)

    def _seconds(self, key: str) -> Decimal | None:
        found = self._either(key)
        number = found.number if found else None
        if found is not None and (number is None or number <= 0):
            table = self._router if self._router.get(key) else self._litellm
            self._notes.unread(table, key, self._place(key)[0].partition(".")[0])
            return None
        return number

    def _objective(self) -> str:
        found = self._router.get("routing_strategy")
        word = found.text if found and found.text else "simple-shuffle"
        place, line = self._place("routing_strategy")
        if word not in _STRATEGIES:
            self._notes.add(line, place, "is no strategy that Tollway has: least-outstanding holds")
            return "least-outstanding"
        if word in _CHANGED:
            self._notes.add(line, place, _CHANGED[word])
        return _STRATEGIES[word]

    def _aliases(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for table, name in (
            (self._router, "model_group_alias"),
            (self._litellm, "model_alias_map"),
        ):
            written = table.get(name)
            for alias, entry in (written.entries if written else {}).items():
                place = (
                    f"{'router' if table is self._router else 'litellm'}_settings.{name}.{alias}"
                )
                line = written.lines[alias] if written else 1
                target = (entry.get("model") or entry).text
                if target not in self._groups:
                    self._notes.add(line, place, "names no model that is carried")
                elif alias in self._groups or not is_model_name(alias):
                    self._notes.add(line, place, "is a model's own name, or none that can be asked")
                else:
                    found[alias] = target or ""
        return found

    def _fallbacks(self, aliases: dict[str, str]) -> dict[str, list[str]]:
        written = self._either("fallbacks")
        place, _ = self._place("fallbacks")
        found: dict[str, list[str]] = {}
        for table in written.each() if written else ():
            for group, targets in table.entries.items():
                line = table.lines[group]
                name = aliases.get(group, group)
                if group == "*":
                    continue
                if name not in self._groups:
                    self._notes.add(line, f"{place}.{group}", "names no model that is carried")
                    continue
                known = self._known(targets, aliases, f"{place}.{group}")
                found.setdefault(name, []).extend(it for it in known if it != name)
        return found

    def _defaults(self, aliases: dict[str, str]) -> tuple[str, ...]:
        """For every group without fallbacks of its own: `default_fallbacks`, or those of `*`."""
        written = self._either("default_fallbacks")
        if written:
            return tuple(self._known(written, aliases, self._place("default_fallbacks")[0]))
        fallbacks = self._either("fallbacks")
        for table in fallbacks.each() if fallbacks else ():
            if "*" in table.entries:
                place = f"{self._place('fallbacks')[0]}.*"
                return tuple(self._known(table.entries["*"], aliases, place))
        return ()

    def _known(self, targets: Marked, aliases: dict[str, str], place: str) -> list[str]:
        known: list[str] = []
        for target in targets.each():
            name = aliases.get(target.text or "", target.text or "")
            if name in self._groups:
                known.append(name)
            else:
                self._notes.add(
                    target.line, place, "holds a fallback to a model that is not carried"
                )
        return list(dict.fromkeys(known))
