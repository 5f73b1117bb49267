"""The `[guard]` table: what may pass, and what is done with what may not. See `schema`."""

from typing import Annotated

from pydantic import Field

from tollway.fleet.fields import Duration, Text
from tollway.fleet.guarding import Action, Direction
from tollway.fleet.table import Table, key

Words = Annotated[list[Text], Field(min_length=1)]


class GuardRuleTable(Table):
    """What is done with what was found. The first rule that fits decides."""

    name: Text = key("What the rule is called where a decision is explained.")
    detectors: Words = key(
        "Detectors by id, kinds (secret, personal, financial, term, document, uninspected), "
        '`known:*`, or "*" for all that could be inspected.'
    )
    action: Action = key(
        "allow; redact; tokenise, which the answer's reader turns back; on-prem: only sources "
        "labelled so; ask a person; block."
    )
    tenants: Words | None = key("Whose traffic; anyone's unless written.", None)
    routes: Words | None = key("Asked for by which route; any unless written.", None)
    direction: Direction | None = key("out to a source, or in from it; both unless written.", None)
    destinations: Words | None = key(
        "Only where the source has one of these labels; any source unless written.", None
    )


class GuardTable(Table):
    """What may pass. Without this table nothing is inspected."""

    default: Action = key("What is done with what no rule fits.", "block")
    terms: list[Text] = key("The organisation's own words, whole and in any case.", [])
    ignore: list[Text] = key("Detectors that are not asked, by id.", [])
    fingerprints: Text | None = key(
        "Fingerprints of registered documents, relative to this file's folder; none unless "
        "written.",
        None,
    )
    directions: Annotated[list[Direction], Field(min_length=1)] = key(
        "What of model traffic is inspected: out, in, or both. Tools and egress are always "
        "inspected both ways.",
        ["out", "in"],
    )
    events: Text | None = key(
        "A file that each security event is written to as a line of OCSF, relative to the state "
        "folder; none unless written. `tollway events` shows them all the same.",
        None,
    )
    patience: Duration = key("How long an inspection may take; then the request is refused.", "5s")
    rules: list[GuardRuleTable] = key("In order.", [])
