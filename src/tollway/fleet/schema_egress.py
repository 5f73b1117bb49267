"""The `[egress]` and `[secrets]` tables: what tasks may reach, with which secrets. See `schema`."""

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from tollway.fleet import places
from tollway.fleet.egressing import EgressAction, SecretPlace
from tollway.fleet.fields import Address, Count, Duration, Size, Text
from tollway.fleet.table import Table, key


def _said(what: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example], "$comment": what})


Host = Annotated[str, PlainValidator(places.host_pattern), _said("host", "*.example.com")]
NamedHost = Annotated[str, PlainValidator(places.named_host), _said("host", "api.github.com")]
PathPattern = Annotated[str, PlainValidator(places.path_pattern), _said("path", "/repos/acme/**")]
Method = Annotated[str, PlainValidator(places.method), _said("method", "GET")]
Network = Annotated[str, PlainValidator(places.network), _said("network", "10.0.0.0/8")]
HeaderName = Annotated[str, PlainValidator(places.header_name), _said("header", "X-Api-Key")]
Template = Annotated[str, PlainValidator(places.template), _said("template", "Bearer {secret}")]
Variable = Annotated[str, PlainValidator(places.variable), _said("variable", "GITHUB_TOKEN")]
Port = Annotated[int, Field(ge=1, le=65535)]

Ports = Annotated[list[Port], Field(min_length=1)]
Hosts = Annotated[list[Host], Field(min_length=1)]
NamedHosts = Annotated[list[NamedHost], Field(min_length=1)]
Methods = Annotated[list[Method], Field(min_length=1)]
Paths = Annotated[list[PathPattern], Field(min_length=1)]
Names = Annotated[list[Text], Field(min_length=1)]


class EgressRuleTable(Table):
    """Which requests may pass. The first rule that fits decides; where none fits, it is denied."""

    name: Text = key("What the rule is called where a decision is explained.")
    hosts: Hosts = key(
        'Hosts: "api.github.com", "*.example.com" for every name below it, or "*". Whoever owns a '
        "domain sees the names that are asked for below it."
    )
    methods: Methods | None = key("Methods; any unless written.", None)
    paths: Paths | None = key(
        'Paths: "/a/b", "/a/*" for one segment, "/a/**" for all below; any unless written.', None
    )
    ports: Ports = key("Ports of the host.", [443])
    tenants: Names | None = key("Whose tasks; anyone's unless written.", None)
    action: EgressAction = key("allow, or ask a person.", "allow")
    plain: bool = key("Also http:// without TLS, which anyone on the way can read.", False)
    uninspected: bool = key(
        "Bodies over `max_body` go on though nobody has read them. Otherwise they are refused.",
        False,
    )


class EgressTable(Table):
    """What tasks may reach beside models: a proxy for curl, git, pip, npm and the like."""

    listen: Address = key("Where tasks connect. Port 0 takes any free port.", "127.0.0.1:4001")
    allow: list[EgressRuleTable] = key("In order.", [])
    private: list[Network] = key(
        "Networks that may be reached though they are not public: in-house hosts.", []
    )
    ca_file: Text | None = key(
        "A PEM file of certificates to trust beside the system's; relative to this file's folder.",
        None,
    )
    patience: Duration | None = key(
        "How long a request waits for an approval; it is refused at once unless written.", None
    )
    max_body: Size = key("The largest body that is held to be inspected.", "10MiB")
    max_held: Size = key("All bodies that are held at once.", "256MiB")
    max_header_bytes: Size = key("All header lines of a message together.", "64KiB")
    max_headers: Count = key("Header lines of a message.", 100)
    max_connections: Count = key("Connections at once.", 1000)
    task_connections: Count = key("Connections of one task at once.", 64)
    task_requests: Count = key("Requests of one task in all; each is written down.", 100_000)
    header_timeout: Duration = key("For a client to send its headers, or its TLS hello.", "15s")
    body_timeout: Duration = key("For a client to send its body, or to take its answer.", "60s")
    idle_timeout: Duration = key("How long an idle connection stays open.", "60s")
    connect_timeout: Duration = key("To resolve a name, to connect, and for TLS.", "10s")
    answer_timeout: Duration = key("How long a host may send nothing of its answer.", "120s")


class SecretTable(Table):
    """Where a secret of the broker may go. Its value is set by `tollway secrets set NAME`, and a
    task holds only a sentinel, which the egress proxy replaces there and nowhere else."""

    hosts: NamedHosts = key("Hosts that it may go to, as in a rule of `egress`.")
    methods: Methods | None = key("Methods; any unless written.", None)
    paths: Paths | None = key("Paths, as in a rule of `egress`; any unless written.", None)
    ports: Ports = key("Ports of the host.", [443])
    tenants: Names | None = key("Whose tasks get a sentinel; anyone's unless written.", None)
    place: SecretPlace = key(
        "header: in `header`; basic: as user or password of Basic credentials; head: anywhere in "
        "path, query and headers.",
        "header",
    )
    header: HeaderName = key("The header, where place is header.", "Authorization")
    template: Template | None = key(
        'How the header reads, "Bearer {secret}"; anything around it unless written.', None
    )
    body: bool = key("It may stand in a body too.", False)
    plain: bool = key("Also http:// without TLS, which anyone on the way can read.", False)
    variable: Variable | None = key(
        "The environment variable that hands a task its sentinel; the name in capitals unless "
        "written.",
        None,
    )
