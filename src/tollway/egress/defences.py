"""Which defences hold. All of them, but in tests that show what an attack does without one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defences:
    """Each is one defence of the proxy. No option and no key of a file turns any off."""

    rules: bool = True
    """Hosts, methods and paths are asked for."""
    addresses: bool = True
    """Names are resolved to public addresses, or to those that are listed."""
    names: bool = True
    """The names of CONNECT, TLS and each request's Host are one."""
    grammar: bool = True
    """What servers may read differently is refused: framing, upgrades, other protocols."""
    bounds: bool = True
    """Sizes, counts and times have ends."""
    binding: bool = True
    """A sentinel is its own task's, for its own place."""
    hidden: bool = True
    """Sentinels are looked for in other encodings too."""
    inspection: bool = True
    """What goes out is inspected by the guard's rules."""
    reflections: bool = True
    """Answers are searched for secrets."""


ALL = Defences()
