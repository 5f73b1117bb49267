"""A LiteLLM configuration as a fleet file, with a note on every line that is not carried as it is.

Rules
1. What is written passes `tollway check`.
2. No key, and no value that could hide one, is in the file or in a note.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tollway.errors import Fault, FaultsFound
from tollway.fleet.parse import parse
from tollway.inspect.litellm.deployments import Deployment, deployments
from tollway.inspect.litellm.marked import Marked, read_marked
from tollway.inspect.litellm.naming import is_model_name
from tollway.inspect.litellm.notes import Note, Notes
from tollway.inspect.litellm.references import References
from tollway.inspect.litellm.settings import settings
from tollway.inspect.litellm.sources import sources_of
from tollway.inspect.litellm.teams import Tenant, budget, key_commands, tenants
from tollway.inspect.litellm.write import Plan, fleet_text

_VARIABLE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Given:
    """What is imported: texts, and what they are called. `teams` and `keys` are exports; None is
    none. `environ` is asked for the URLs that the configuration keeps in variables."""

    config: tuple[str, str]
    teams: tuple[str, str] | None
    keys: tuple[str, str] | None
    environ: Mapping[str, str]
    today: date


@dataclass(frozen=True, slots=True)
class Imported:
    """The fleet file, how many of the listed deployments it carries, the notes by file and line,
    and a command for each key whose terms were exported. `unpriced` are models without a price."""

    text: str
    carried: int
    listed: int
    notes: tuple[Note, ...]
    keys: tuple[str, ...]
    unpriced: tuple[str, ...]


def convert(given: Given) -> Imported:
    """The fleet file of a configuration.

    Raises:
        FaultsFound: a text is not YAML, or holds nothing that can be carried.
    """
    text, name = given.config
    document, notes = read_marked(text, name), Notes(name)
    listed = document.get("model_list")
    if listed is None or not listed.items:
        mend = "Name LiteLLM's config.yaml; models that are kept in its database are not in it."
        raise FaultsFound([Fault(name, "has no model_list", mend)])
    references = References(given.environ, set(_VARIABLE.findall(text)), notes)
    carried = _asked_for(deployments(document, references, notes), notes)
    if not carried:
        problem = "has no deployment that can be carried:\n" + "\n".join(map(str, notes.made))
        raise FaultsFound([Fault(name, problem)])
    groups = list(dict.fromkeys(one.group for one in carried))
    kept = settings(document, groups, notes)
    routes = [*groups, *kept.aliases]
    teams, of_teams = _export(given.teams, document, "teams", notes)
    keys, of_keys = _export(given.keys, document, "keys", notes)
    made = tenants(teams, routes, of_teams) or [_everyone(document, notes)]
    commands = key_commands(keys, made, routes, of_keys)
    plan = Plan(given.today, sources_of(carried), kept, made)
    fleet = fleet_text(plan)
    parse({"fleet.toml": fleet}, "fleet.toml")
    return Imported(
        text=fleet,
        carried=len(carried),
        listed=len(listed.items),
        notes=tuple(sorted({*notes.made, *of_teams.made, *of_keys.made})),
        keys=tuple(commands),
        unpriced=tuple(dict.fromkeys(it.group for it in carried if not it.prices)),
    )


def _asked_for(found: list[Deployment], notes: Notes) -> list[Deployment]:
    kept: list[Deployment] = []
    for one in found:
        if is_model_name(one.group):
            kept.append(one)
        else:
            why = "has a model_name that headers cannot carry; the deployment is left out"
            notes.add(one.line, one.path, why)
    return kept


def _export(
    given: tuple[str, str] | None, document: Marked, section: str, notes: Notes
) -> tuple[Marked | None, Notes]:
    """An export, and the notes for it: a file of its own, else a section of the configuration."""
    if given is None:
        return document.get(section), notes
    text, name = given
    return read_marked(text, name), Notes(name)


def _everyone(document: Marked, notes: Notes) -> Tenant:
    """The one tenant where there are no teams, with the budget that holds for all of LiteLLM."""
    table = document.get("litellm_settings") or Marked(1)
    day, month = budget(table, "litellm_settings", notes)
    return Tenant(name="team", id="team", day=day, month=month)
