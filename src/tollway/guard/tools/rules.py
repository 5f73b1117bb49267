"""Rules of the fleet file against one call: the first that fits decides.

Rules
1. A test of an argument holds where the argument is given and every value in it passes; what a test
   cannot read (a URL whose host is in doubt, a path that climbs) does not pass.
2. A rule that denies or asks fits already where one value of an argument passes: nobody slips past
   it with a list of two.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

from tollway.errors import TollwayError
from tollway.fleet.tooling import ArgumentTest, ToolRule
from tollway.guard.tools.arguments import Leaf
from tollway.guard.tools.entity import canonical_path, entity, host_of

Holds = Callable[[Leaf], bool]


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule with its globs and patterns compiled."""

    rule: ToolRule
    tools: tuple[re.Pattern[str], ...]
    where: Mapping[str, Holds]

    def fits(self, place: str, tenant: str, given: Sequence[tuple[str, Leaf]]) -> bool:
        """Whether it is about a call of `place` ("server/tool") with these leaves of arguments."""
        rule = self.rule
        if rule.tenants is not None and tenant not in rule.tenants:
            return False
        if not any(glob.match(place) for glob in self.tools):
            return False
        return all(self._passes(path, holds, given) for path, holds in self.where.items())

    def _passes(self, path: str, holds: Holds, given: Sequence[tuple[str, Leaf]]) -> bool:
        values = [value for at, value in given if at == path or at.startswith(f"{path}.")]
        if not values:
            return False
        return (all if self.rule.action == "allow" else any)(map(holds, values))


def ready(rules: Sequence[ToolRule]) -> tuple[ReadyRule, ...]:
    """The rules, ready to be asked.

    Raises:
        TollwayError: a pattern is not RE2's, or google-re2 is missing.
    """
    return tuple(
        ReadyRule(
            rule,
            tuple(re.compile(translate(glob)) for glob in rule.tools),
            {path: _test(rule.name, path, it) for path, it in rule.where.items()},
        )
        for rule in rules
    )


def _test(rule: str, path: str, test: ArgumentTest) -> Holds:
    tests: list[Holds] = []
    if test.one_of is not None:
        known = {(type(it), it) for it in test.one_of}
        tests.append(lambda value: (type(value), value) in known)
    if test.like is not None:
        like = re.compile(translate(test.like))
        tests.append(lambda value: isinstance(value, str) and like.match(value) is not None)
    if test.matches is not None:
        pattern = _pattern(rule, path, test.matches)
        tests.append(lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None)
    if test.host is not None:
        hosts = test.host
        tests.append(lambda value: isinstance(value, str) and _among(host_of(value), hosts))
    if test.domain is not None:
        domains = test.domain
        tests.append(lambda value: _among(_domain(value), domains))
    if test.under is not None:
        folder = test.under
        tests.append(lambda value: isinstance(value, str) and _is_within(value, folder))
    if test.at_most is not None:
        most = test.at_most
        tests.append(lambda value: not isinstance(value, bool | str) and float(value) <= most)
    return lambda value: all(holds(value) for holds in tests)


def _pattern(rule: str, path: str, text: str) -> Any:
    try:
        import re2  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise TollwayError(
            f"tools.rules {rule!r}: where.{path}.matches needs google-re2. "
            'Run: pip install "tollway[guard]"'
        ) from None
    engine: Any = re2
    try:
        return engine.compile(text)
    except engine.error:
        raise TollwayError(
            f"tools.rules {rule!r}: where.{path}.matches is no pattern of RE2: {text!r}. Mend it."
        ) from None


def _among(name: str | None, globs: Sequence[str]) -> bool:
    """Whether a host or domain is one of those listed; `*.` stands for one label or more."""
    if name is None:
        return False
    return any(
        name == glob.lower() or (glob.startswith("*.") and name.endswith(glob[1:].lower()))
        for glob in globs
    )


def _domain(value: Leaf) -> str | None:
    one = entity(value)
    return one.key.rpartition("@")[2] if one is not None and one.kind == "email" else None


def _is_within(value: str, folder: str) -> bool:
    path, top = canonical_path(value), canonical_path(folder)
    if path is None or top is None:
        return False
    return path == top or path.startswith(f"{top.rstrip('/')}/")
