"""What answers threats to tool servers, sandboxes, egress rules and secrets."""

from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from tollway.fleet.egressing import EgressRule
from tollway.fleet.quantities import is_loopback
from tollway.fleet.sandboxing import SandboxSettings
from tollway.fleet.tooling import ToolServer, ToolSettings
from tollway.pins.component import McpServer
from tollway.pins.threats_judged import (
    Control,
    Facts,
    Verdict,
    answered,
    inapplicable,
    opened,
    unjudged,
)

_MISLED = "A person who is asked may be misled, and what a request itself says is believed."


def _of(facts: Facts, name: str) -> tuple[ToolSettings, ToolServer]:
    tools = facts.fleet.tools
    if tools is None:
        raise KeyError(name)
    return tools, tools.servers[name]


def misuses(facts: Facts, name: str) -> Verdict:
    """Whether what a task has read may have a tool of the server act."""
    tools, server = _of(facts, name)
    acting = [f"{name}/{tool.name}" for tool in server.tools.values() if tool.effect != "none"]
    default = Control("calls that no rule fits", "tools.default", tools.default)
    freed = [
        (at, rule)
        for at, rule in enumerate(tools.rules)
        if rule.action == "allow"
        and rule.tainted
        and any(fnmatchcase(it, glob) for it in acting for glob in rule.tools)
    ]
    if freed:
        at, rule = freed[0]
        why = f"Rule {rule.name!r} lets its tools act after untrusted content."
        control = Control("rule", f"tools.rules[{at}].tainted", "true")
        return opened(why, f"Take tools.rules[{at}].tainted away.", default, control)
    if not acting:
        declared = Control("effects", f"tools.servers.{name}.tools", "none acts")
        return answered(declared, residual="A server that acts when it is only asked to read.")
    if tools.links == "free" and tools.default == "by-taint":
        free = Control("links in content", "tools.links", "free")
        why = "Addresses inside what its tools send are not held against the request."
        return opened(why, 'Write tools.links = "vouched".', default, free)
    return answered(default, residual=_MISLED)


def poses(facts: Facts, name: str) -> Verdict:
    """Whether who asked, and with whose credentials, is bounded."""
    _, server = _of(facts, name)
    key = f"tools.servers.{name}"
    if server.tenants is None and len(facts.fleet.tenants) > 1:
        why = f"Each of the {len(facts.fleet.tenants)} tenants may act with its credentials."
        return opened(why, f"Write {key}.tenants.")
    who = sorted(server.tenants or facts.fleet.tenants)
    controls = [Control("who may use it", f"{key}.tenants", ", ".join(who) or "nobody yet")]
    if server.credential is not None:
        said = f"{server.credential.scheme}:{server.credential.name}"
        controls.append(Control("credential by reference", f"{key}.credential", said))
    controls += [
        Control("secret by reference", f"{key}.secrets.{variable}", f"{it.scheme}:{it.name}")
        for variable, it in sorted(server.secrets.items())
    ]
    left = "The server itself holds its credentials, and does with them what it likes."
    return answered(*controls, residual=left)


def is_overheard(facts: Facts, name: str) -> Verdict:
    """Whether the line to a server of tools can be read or spoken on by others."""
    _, server = _of(facts, name)
    if server.url is None:
        return inapplicable("It is spoken to over pipes of a process of ours.")
    parts = urlsplit(server.url)
    key = f"tools.servers.{name}"
    line = Control("line", f"{key}.url", f"{parts.scheme}://{parts.hostname}")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return opened("It is spoken to over plain http.", f"Write {key}.url with https.", line)
    if server.credential is None and not is_loopback(parts.hostname or ""):
        why = "It does not learn who calls: anybody who reaches it may."
        return opened(why, f"Write {key}.credential.", line)
    return answered(line, residual="What the server's own machine and its owner do.")


def runs_here(facts: Facts, name: str) -> Verdict:
    """Whether a server's program is held to what it needs."""
    _, server = _of(facts, name)
    if server.command is None:
        return inapplicable("No program of it is started here.")
    given = sorted((*server.env, *server.secrets))
    env = Control("its environment", f"tools.servers.{name}.env", ", ".join(given) or "nothing")
    mend = (
        f"Run it elsewhere, as another user or in a container, and write tools.servers.{name}.url."
    )
    why = (
        "Its program runs with the rights of the user who runs the gateway of tools, in no sandbox."
    )
    return opened(why, mend, env)


def rugged(facts: Facts, name: str) -> Verdict:
    """Whether a server's code and descriptions are those that were looked at."""
    found = None if facts.lock is None else facts.lock.find(f"mcp:{name}")
    if not isinstance(found, McpServer):
        return opened("It is not in the lock.", "Run: tollway lock")
    if found.tools is None:
        return opened(
            "Nobody asked it for its tools.", "Run: tollway lock, while it can be started"
        )
    pinned = Control("pinned tools", "tools", f"{len(found.tools)} tools")
    _, server = _of(facts, name)
    if server.command is None:
        return answered(pinned, residual="Its code is elsewhere, and may change unseen.")
    package = facts.lock.find(found.package) if facts.lock and found.package else None
    if package is None:
        why = "Its descriptions are pinned, and its code is not: the package is not in the lock."
        return opened(why, f"Have the lock cover the package of mcp:{name}.", pinned)
    code = Control("pinned code", "package", found.package)
    return answered(pinned, code, residual="A release that was bad when it was locked.")


def _sandbox(facts: Facts) -> SandboxSettings | None:
    """None where nothing declares that agents run here."""
    said = facts.fleet.sandbox
    return None if said == SandboxSettings() and facts.fleet.egress is None else said


_NOT_HERE = (
    "Neither [sandbox] nor [egress] is written: whether agents run elsewhere is not seen here."
)


def escapes(facts: Facts, name: str) -> Verdict:
    """Whether code that an agent runs stays where it is."""
    sandbox = _sandbox(facts)
    if sandbox is None:
        return unjudged(_NOT_HERE)
    if sandbox.require == "vm":
        left = "A fault in QEMU or KVM, and side channels."
        return answered(Control("tier", "sandbox.require", "vm"), residual=left)
    tier = Control("tier", "sandbox.tier", sandbox.tier)
    if sandbox.tier == "ns":
        left = "One kernel for all: a fault in it, reached by an allowed system call, leads out."
        return answered(tier, residual=left)
    left = 'A run may ask for ns, which shares the kernel; sandbox.require = "vm" refuses it.'
    return answered(tier, residual=left)


def rampages(facts: Facts, name: str) -> Verdict:
    """Whether an agent that goes on by itself meets an end."""
    sandbox = _sandbox(facts)
    if sandbox is None:
        return unjudged(_NOT_HERE)
    return answered(
        Control("time", "sandbox.time", f"{sandbox.time:.0f} s"),
        Control("processes", "sandbox.processes", str(sandbox.processes)),
        Control("memory", "sandbox.memory", f"{sandbox.memory >> 20} MiB"),
        residual="What it does by allowed models, hosts and tools until then.",
    )


def remembers(facts: Facts, name: str) -> Verdict:
    """Whether an agent's memory can be poisoned."""
    return unjudged(
        "A sandbox keeps nothing between runs; memory that an agent keeps elsewhere, and what is "
        "mounted for it, is not seen here."
    )


def takes_out(facts: Facts, name: str) -> Verdict:
    """Whether a rule of egress lets data go where its writer did not mean."""
    rules = facts.fleet.egress.rules if facts.fleet.egress else ()
    at, rule = next((at, it) for at, it in enumerate(rules) if it.name == name)
    key = f"egress.allow[{at}]"
    loose = list(_loose(rule, key))
    hosts = Control("hosts", f"{key}.hosts", ", ".join(rule.hosts))
    if loose:
        why, mend = loose[0]
        return opened(why, mend, hosts)
    controls = [hosts]
    if rule.methods:
        controls.append(Control("methods", f"{key}.methods", ", ".join(rule.methods)))
    if rule.paths:
        controls.append(Control("paths", f"{key}.paths", ", ".join(rule.paths)))
    if rule.action == "ask":
        controls.append(Control("a person is asked", f"{key}.action", "ask"))
    if facts.fleet.guard is None:
        return opened("What goes there is not read.", "Write [guard].", *controls)
    controls.append(Control("guard", "guard.default", facts.fleet.guard.default))
    return answered(*controls, residual="What these hosts do with what they get, and when it goes.")


def _loose(rule: EgressRule, key: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if "*" in rule.hosts:
        found.append(("It lets any host be reached.", f"Name the hosts in {key}.hosts."))
    if rule.plain:
        found.append(("It lets http without TLS pass.", f"Take {key}.plain away."))
    if rule.uninspected:
        found.append(("It lets pass what nobody has read.", f"Take {key}.uninspected away."))
    return found


def is_stolen(facts: Facts, name: str) -> Verdict:
    """Whether a secret of the broker may go elsewhere than it is meant for."""
    use = facts.fleet.secrets[name]
    key = f"secrets.{name}"
    hosts = Control("hosts", f"{key}.hosts", ", ".join(use.hosts))
    if use.plain:
        return opened("It may go over http without TLS.", f"Take {key}.plain away.", hosts)
    if any(it.startswith("*") for it in use.hosts):
        why = "It may go to every name below a domain."
        return opened(why, f"Name the hosts in {key}.hosts.", hosts)
    controls = [hosts, Control("place", f"{key}.place", f"{use.place} {use.header}")]
    if use.tenants is not None:
        controls.append(Control("tenants", f"{key}.tenants", ", ".join(use.tenants)))
    return answered(*controls, residual="The task has a sentinel; the host gets the secret.")
