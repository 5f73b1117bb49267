"""Tools for agents, as declared: servers, what their tools do, and rules, as frozen objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from tollway.fleet.credential import Credential
from tollway.units import Bytes, Seconds

Reads = Literal["nothing", "trusted", "untrusted"]
"""Who may have written what a tool's answer holds."""

Effect = Literal["none", "internal", "external"]
"""What a call changes: nothing, what is the user's own, or what others notice."""

ToolAction = Literal["allow", "ask", "deny"]
"""What a rule does with a call. `allow` leaves what follows untrusted content to taint."""

Form = Literal["email", "url", "phone", "account", "id"]
"""What a value is told to be by its form, or, of an id, by its field's name."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What one tool does. `content` are arguments that are only data; `asked` the words with which
    a request asks for the call, None where they follow from the tool's name; `vouches` what values
    of its answer may be believed: a `Form`, or `field:NAME`."""

    name: str
    reads: Reads = "untrusted"
    sensitive: bool = True
    effect: Effect = "external"
    content: tuple[str, ...] = ()
    asked: tuple[str, ...] | None = None
    vouches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A server of tools: started by `command`, or reached at `url`. `env` is told to it as written,
    `secrets` are variables from credentials; nothing else of our environment is. `tenants` is None
    where anyone may use it."""

    name: str
    command: tuple[str, ...] | None
    url: str | None
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    secrets: Mapping[str, Credential] = field(default_factory=lambda: MappingProxyType({}))
    credential: Credential | None = None
    tenants: tuple[str, ...] | None = None
    tools: Mapping[str, Tool] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ArgumentTest:
    """What must hold of every value of an argument. `like` is a glob, `matches` RE2 over the whole
    value, `host` and `domain` globs of a URL's host and of an address's domain, `under` a folder.
    None asks nothing."""

    one_of: tuple[str | int | float | bool, ...] | None = None
    like: str | None = None
    matches: str | None = None
    host: tuple[str, ...] | None = None
    domain: tuple[str, ...] | None = None
    under: str | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What is done with calls of `tools` (globs of "server/tool") whose arguments pass `where`.
    `tainted` says that an `allow` holds after untrusted content too."""

    name: str
    action: ToolAction
    tools: tuple[str, ...]
    tenants: tuple[str, ...] | None
    where: Mapping[str, ArgumentTest]
    tainted: bool = False


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The tools as declared. `lock` is the file of pinned descriptions, relative to the fleet
    file's folder; `patience` how long a call waits for a person; `links` and `all_three` say what
    of addresses in content, and of all three marks at once, needs one."""

    host: str
    port: int
    lock: str
    patience: Seconds
    call_timeout: Seconds
    max_result: Bytes
    default: Literal["by-taint", "ask", "deny"]
    links: Literal["vouched", "free"]
    all_three: Literal["vouched", "ask"]
    servers: Mapping[str, ToolServer]
    rules: tuple[ToolRule, ...]
