"""The command table: which file answers which command, found without importing any of them.

Rules
1. `tollway --help` imports no command and no command framework: it prints this table.
2. A command's summary here is the first line of its own docstring.
3. A `TollwayError`, and a command line that makes no sense, are words for the user: one line with
   the mend on standard error, exit code 2. So is, as a last resort, a path that is not there or may
   not be used.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tollway import __version__
from tollway.errors import TollwayError

if TYPE_CHECKING:
    from cyclopts import App

COMMANDS: dict[str, tuple[str, str]] = {
    "init": (
        "tollway.cli.init:init",
        "Write a first fleet file for the providers whose keys are here.",
    ),
    "scan": (
        "tollway.cli.scan:scan",
        "Say what the AI tools on this machine used, what it cost, and what it would elsewhere.",
    ),
    "import": (
        "tollway.cli.imports:imports",
        "Write a fleet file from another gateway's configuration: LiteLLM's.",
    ),
    "check": ("tollway.cli.check:check", "Print every fault of a fleet file at once."),
    "fleet": (
        "tollway.cli.fleet:fleet",
        "Show a fleet file as Tollway reads it, or the schema of fleet files.",
    ),
    "prices": (
        "tollway.cli.prices:prices",
        "Compare declared prices with public ones, and write new dated entries.",
    ),
    "up": ("tollway.cli.up:up", "Start the gateway in the background and wait until it is ready."),
    "serve": (
        "tollway.cli.serve:serve",
        "Serve a fleet file in the foreground, until SIGTERM or Ctrl-C.",
    ),
    "reload": (
        "tollway.cli.reload:reload",
        "Have the running gateway take its changed fleet file; streams in flight go on.",
    ),
    "status": (
        "tollway.cli.status:status",
        "Say what runs and whether it is ready; exit 1 where it is not.",
    ),
    "down": ("tollway.cli.down:down", "Stop the gateway once its streams have ended."),
    "keys": (
        "tollway.cli.keys:keys",
        "Make, list and revoke the virtual keys that clients present.",
    ),
    "usage": (
        "tollway.cli.usage:usage",
        "Say what was used and what it cost, by tenant, key, model, source, day and more.",
    ),
    "invoice": (
        "tollway.cli.invoice:invoice",
        "Say what a tenant owes for a month by its price book; the rows add up to whole cents.",
    ),
    "margin": (
        "tollway.cli.margin:margin",
        "Say what tenants are charged, what they cost, and what is left, by whom and by what.",
    ),
    "export": (
        "tollway.cli.export:export",
        "Write the ledger's costs in the FinOps columns of FOCUS 1.4.",
    ),
    "reconcile": (
        "tollway.cli.reconcile:reconcile",
        "Compare a provider's bill with the ledger, by day and model; exit 1 where apart.",
    ),
    "emulate": (
        "tollway.cli.emulate:emulate",
        "Serve engines that aren't there, at the pace that the engine model predicts.",
    ),
    "predict": (
        "tollway.cli.predict:predict",
        "Predict a model's speed, memory, cost and energy on a chip, each with its interval.",
    ),
    "feel": (
        "tollway.cli.feel:feel",
        "Show token streams at any rate, side by side, and say what waiting adds up to.",
    ),
    "choose": (
        "tollway.cli.choose:choose",
        "Say which models are worth choosing for a use, and why the others are not.",
    ),
    "calibrate": (
        "tollway.cli.calibrate:calibrate",
        "Fit the engine model to a deployment's own results, for `tollway predict --calibrated`.",
    ),
    "validate": (
        "tollway.cli.validate:validate",
        "Say how far the engine model is off on measured results, and how often intervals hold.",
    ),
    "retrace": (
        "tollway.cli.retrace:retrace",
        "Replay an engine's own log in virtual time, beside what it measured.",
    ),
    "replay": (
        "tollway.cli.replay:replay",
        "Play a trace of real requests against a running gateway, and measure what comes back.",
    ),
    "simulate": (
        "tollway.cli.simulate:simulate",
        "Rehearse a trace of real requests through a fleet file, in virtual time.",
    ),
    "diff": (
        "tollway.cli.diff:diff",
        "Play the same traffic through two fleet files; exit 1 above your thresholds.",
    ),
    "report": (
        "tollway.cli.report:report",
        "Write a ledger period, a simulation or a diff as one HTML file that loads nothing.",
    ),
    "size": (
        "tollway.cli.size:size",
        "Find the fewest chips, and the cheapest mix of chips, that keep a promise to a workload.",
    ),
    "plan": (
        "tollway.cli.plan:plan",
        "Say what to sign and to build now, how to leave it, and what may happen then.",
    ),
    "contracts": (
        "tollway.cli.contracts:contracts",
        "Say what compute contracts cost, how to leave them, and what to decide by when.",
    ),
    "twin": (
        "tollway.cli.twin:twin",
        "Hold each source's predicted speed against the ledger, by day; exit 1 where one is stale.",
    ),
    "top": (
        "tollway.cli.top:top",
        "Watch the gateway work: each source's speed, load, health and spending, live.",
    ),
    "drain": (
        "tollway.cli.drain:drain",
        "Send no new requests to a source, until it is undrained; those in flight end there.",
    ),
    "undrain": (
        "tollway.cli.drain:undrain",
        "Put a drained source back: requests go there again at once.",
    ),
    "drill": (
        "tollway.cli.drill:drill",
        "Take a source away from a share of live traffic, and report what users felt.",
    ),
    "fallbacks": (
        "tollway.cli.fallbacks:fallbacks",
        "Say when each fallback last carried traffic or a drill; exit 1 where one is untested.",
    ),
    "qualify": (
        "tollway.cli.qualify:qualify",
        "Ask each source of a route your prompts, and let your checker judge the answers.",
    ),
    "run": (
        "tollway.cli.run:run",
        "Run an agent in a fresh sandbox whose only way out is the gateway, and leave a receipt.",
    ),
    "runs": (
        "tollway.cli.runs:runs",
        "List what ran in sandboxes, and show the receipt of a run.",
    ),
    "guard": (
        "tollway.cli.guard:guard",
        "Say what of a text may pass, which detectors there are, and register documents.",
    ),
    "tasks": ("tollway.cli.tasks:tasks", "Open a task for an agent, list tasks, end one."),
    "approvals": (
        "tollway.cli.approvals:approvals",
        "Show what waits for a person, and answer it.",
    ),
    "events": (
        "tollway.cli.events:events",
        "Show security events: what was found, asked, changed and denied.",
    ),
    "secrets": (
        "tollway.cli.secrets:secrets",
        "Keep secrets, encrypted, that tasks use without seeing them.",
    ),
    "egress": (
        "tollway.cli.egress:egress",
        "Serve the proxy through which tasks reach everything that is no model.",
    ),
    "tools": (
        "tollway.cli.tools:tools",
        "Serve tools to agents under rules; pin, list and explain them.",
    ),
    "sandbox": (
        "tollway.cli.sandbox:sandbox",
        "Make what sandboxes need, and say which tiers this machine can run.",
    ),
    "lock": (
        "tollway.cli.lock:lock",
        "Write the lock of a fleet's AI components: models, weights, packages, prompts, tools.",
    ),
    "verify": (
        "tollway.cli.verify:verify",
        "Hold the lock against what is here, without the network: files, packages, models, tools.",
    ),
    "audit": (
        "tollway.cli.audit:audit",
        "Look at every component of a lock; exit 1 for findings, 3 where anything was not audited.",
    ),
    "pins": (
        "tollway.cli.pins:pins",
        "Say what differs between two locks, and between the code of their artifacts.",
    ),
    "weights": (
        "tollway.cli.weights:weights",
        "Say whether a model's files may be loaded: by structure, default-deny.",
    ),
    "threatmodel": (
        "tollway.cli.threatmodel:threatmodel",
        "Say which threats apply to a fleet, which control answers each, and what is open.",
    ),
    "bom": (
        "tollway.cli.bom:bom",
        "Write a lock as a CycloneDX 1.7 bill of materials (JSON).",
    ),
    "incident": (
        "tollway.cli.incident:incident",
        "Say whether something bad was in use, since when, by whom, and what to do now.",
    ),
    "drift": (
        "tollway.cli.drift:drift",
        "Say whether the models behind sources are still those that were locked.",
    ),
    "index": (
        "tollway.cli.index:index",
        "Serve packages under rules, and decide on what is held.",
    ),
    "console": (
        "tollway.cli.console:console",
        "Serve pages for people, and make the key that lets them in.",
    ),
    "local": (
        "tollway.cli.local:local",
        "Serve a real model on this machine's CPU, as a source for the gateway.",
    ),
}
"""Command -> (module:object, summary), in the order of the help page. The object is a function
with a cyclopts signature, or a cyclopts App for a group of commands."""

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def help_page() -> str:
    """The top-level help, as text."""
    width = max((len(name) for name in COMMANDS), default=0)
    rows = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return (
        "Usage: tollway COMMAND [ARGS]\n\n"
        "The control plane for a team that runs on inference.\n\n"
        f"Commands:\n{rows}\n\n"
        "Run `tollway COMMAND --help` for a command's own options.\n"
    )


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    if not argv or argv[0] in ("--help", "-h", "help"):
        sys.stdout.write(help_page())
        return 0
    if argv[0] in ("--version", "-V"):
        sys.stdout.write(f"tollway {__version__}\n")
        return 0
    try:
        return _call(argv)
    except TollwayError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_INPUT
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        if error.filename is None:  # not a path that somebody named
            raise
        sys.stderr.write(f"{_unreachable(error)}\n")
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left (`tollway usage | head`): nothing is wrong. Python would
        # complain once more when it flushes at exit.
        sys.stderr.close()
        return 0


def _unreachable(error: OSError) -> str:
    why = (error.strerror or "cannot be used").lower()
    mend = "Name a path that this user may read and write; --state names the state folder."
    return f"{error.filename}: {why}. {mend}"


def command_app(name: str) -> "App":
    """The cyclopts App that holds one command of the table.

    Raises:
        TollwayError: the table has no such command.
    """
    from cyclopts import App

    known = COMMANDS.get(name)
    if known is None:
        from tollway.errors import did_you_mean

        hint = did_you_mean(name, COMMANDS) or "`tollway --help` lists the commands."
        raise TollwayError(f'tollway: "{name}" is not a command. {hint}')
    app = App(name="tollway", version=__version__, help_format="plaintext", help_formatter="plain")
    app.command(known[0], name=name)
    return app


def _call(argv: Sequence[str]) -> int:
    app = command_app(argv[0])
    from cyclopts import CycloptsError

    try:
        result = app(
            list(argv), result_action="return_value", exit_on_error=False, print_error=False
        )
    except CycloptsError as error:
        words = " ".join(str(error).split())
        raise TollwayError(
            f"tollway {argv[0]}: {words} `tollway {argv[0]} --help` lists its options."
        ) from error
    return result if isinstance(result, int) else 0
