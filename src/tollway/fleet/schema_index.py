"""The `[index]` table: which packages a sandbox, a developer or CI may install. See `schema`."""

from typing import Annotated

from pydantic import Field

from tollway.fleet.fields import Address, Duration, Size, Text, Url
from tollway.fleet.indexing import IndexMode, PackageAnswer, PackageKind
from tollway.fleet.table import Table, key

Globs = Annotated[list[Text], Field(min_length=1)]


class PackageUpstreamTable(Table):
    """Where packages come from. A name comes from the first upstream that has a glob for it, and
    from no other: what is not there is nowhere."""

    kind: PackageKind = key("pypi: a simple index (PEP 503, PEP 691); npm: a registry.")
    url: Url = key(
        "https://pypi.example.com/simple or https://npm.example.com, as its clients write it."
    )
    names: Globs = key('Names that come from here: "*", "acme-*", "@acme/*".', ["*"])
    files: list[Url] = key(
        "Where its files lie, and where it may redirect to, beside its own host: "
        "https://files.example.com.",
        [],
    )
    credential: Text | None = key("For a private index, named in [credentials].", None)
    user: Text | None = key(
        "The user whose password the credential is; it is a bearer token unless written.", None
    )
    ca_file: Text | None = key(
        "A PEM file of certificates to trust beside the system's; relative to this file's folder.",
        None,
    )


class PackageRulesTable(Table):
    """What is done with what, where the lock does not name it: allow, ask (held until a person
    approves exactly these files), deny."""

    cooldown: Duration = key("How long ago a file must have been uploaded.", "7d")
    young: PackageAnswer = key("It was uploaded later than that.", "ask")
    undated: PackageAnswer = key("The index does not say when, or names a day to come.", "deny")
    yanked: PackageAnswer = key("It was yanked, or deprecated as malware.", "deny")
    unranked: PackageAnswer = key("Its name is neither in `ranked` nor in the lock.", "ask")
    misspelt: PackageAnswer = key("Such a name that looks like one in `ranked`.", "ask")
    sdists: PackageAnswer = key("Sources, whose build runs what they hold.", "deny")
    scripts: PackageAnswer = key("npm runs scripts of it at its installation.", "ask")
    startup: PackageAnswer = key(
        "A wheel brings what every start of Python runs (.pth, sitecustomize), and the locked "
        "release does not.",
        "ask",
    )
    publishers: PackageAnswer = key("The lock names others as its publishers.", "ask")


class RankedTable(Table):
    """Files of well-known names, one a line, relative to this file's folder."""

    pypi: Text | None = key("Names of PyPI.", None)
    npm: Text | None = key("Names of npm.", None)


class IndexTable(Table):
    """What pip, uv and npm find; an index of `tollway index serve`."""

    listen: Address = key("Where clients connect. Port 0 takes any free port.", "127.0.0.1:4003")
    mode: IndexMode = key(
        "lock: only what the lock names by its digest; cooldown: also what `rules` lets pass.",
        "cooldown",
    )
    lock: Text = key(
        "The lock, relative to this file's folder. Where it is not there, cooldown goes on without "
        "and lock does not start.",
        "ai.lock",
    )
    rules: PackageRulesTable = key("What is done with what.", {})
    ranked: RankedTable = key("Lists of well-known names; none is, unless written.", {})
    waits: Duration = key("How long what is held may be approved.", "7d")
    holds: Duration = key("How long an approval is good.", "30d")
    fresh: Duration = key("How long an upstream's list is used again.", "60s")
    timeout: Duration = key("For an upstream to begin, and between two pieces of a file.", "30s")
    cache: Size = key("Files that are kept on the disk, all together.", "2GiB")
    max_file: Size = key("The largest file that is served.", "1GiB")
    max_page: Size = key("The largest list that an upstream may answer.", "64MiB")
    upstreams: dict[str, PackageUpstreamTable] = key("Where packages come from, in order.", {})
