"""What tasks may reach, and where secrets may go, as declared: frozen objects."""

from dataclasses import dataclass
from typing import Literal

from tollway.units import Bytes, Seconds

EgressAction = Literal["allow", "ask"]
"""What is done with a request that a rule fits; one that no rule fits is denied."""

SecretPlace = Literal["header", "basic", "head"]
"""Where in a request a secret may stand: in one header, in Basic credentials, or anywhere in the
request line's path and query and the headers."""


@dataclass(frozen=True, slots=True)
class EgressRule:
    """Which requests may pass. `hosts` are patterns as `places.host_pattern` gives them, `paths`
    as `places.path_pattern` does; None fits everything. `ports` are those of the host. `plain`:
    also without TLS. `uninspected`: a body over the cap goes on though nobody read it."""

    name: str
    hosts: tuple[str, ...]
    methods: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    ports: tuple[int, ...] = (443,)
    tenants: tuple[str, ...] | None = None
    action: EgressAction = "allow"
    plain: bool = False
    uninspected: bool = False


@dataclass(frozen=True, slots=True)
class EgressSettings:
    """How the egress proxy listens, what it lets pass, and its bounds. `private` are networks that
    may be reached though they are not public. `ca_file` holds further certificates to trust, beside
    the system's. `patience` is for how long a request waits for an approval (None: not at all)."""

    host: str
    port: int
    rules: tuple[EgressRule, ...] = ()
    private: tuple[str, ...] = ()
    ca_file: str | None = None
    patience: Seconds | None = None
    max_body: Bytes = Bytes(10 << 20)
    max_held: Bytes = Bytes(256 << 20)
    max_header_bytes: Bytes = Bytes(64 << 10)
    max_headers: int = 100
    max_connections: int = 1000
    task_connections: int = 64
    task_requests: int = 100_000
    header_timeout: Seconds = Seconds(15.0)
    body_timeout: Seconds = Seconds(60.0)
    idle_timeout: Seconds = Seconds(60.0)
    connect_timeout: Seconds = Seconds(10.0)
    answer_timeout: Seconds = Seconds(120.0)


@dataclass(frozen=True, slots=True)
class SecretUse:
    """Where the broker's secret of this name may go, and how. `template` is the value of `header`
    with `{secret}` in it; None takes any value that holds it. `body`: in a body too. `plain`: also
    without TLS. `variable` is the environment variable that hands a task its sentinel."""

    name: str
    hosts: tuple[str, ...]
    variable: str
    methods: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    ports: tuple[int, ...] = (443,)
    tenants: tuple[str, ...] | None = None
    place: SecretPlace = "header"
    header: str = "Authorization"
    template: str | None = None
    body: bool = False
    plain: bool = False
