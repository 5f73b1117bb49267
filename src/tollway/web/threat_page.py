"""A threat model as one page: what is open first, for a screen, a phone, a keyboard and paper.

Rules
1. It loads nothing and runs nothing: styles are in it, and there is no script.
2. Every judgement of the model is on it, if only behind a heading; nothing is told by colour alone.
"""

from collections import defaultdict

from tollway.catalog.threats import FRAMEWORKS, framework, threats
from tollway.pins.threats_judged import STATUSES, Judged, Status, Thing, ThingKind
from tollway.pins.threats_model import worst
from tollway.web.markup import Cell, behind, element, table, words
from tollway.web.page import Section, page
from tollway.web.threat_shown import Item, Shown, count_words, items

_MARKS: dict[Status, str] = {
    "open": "none",
    "not judged": "some",
    "accepted": "little",
    "answered": "whole",
    "does not apply": "number",
}
"""Which class of the style a status is shown by."""


def threat_page(shown: Shown) -> str:
    """The whole file."""
    sections = (
        Section("open", "What is open", _items(shown, "open", "opened", "Nothing is open.")),
        Section("matrix", "What applies where", _matrix(shown)),
        Section("losses", "What one loss takes away", _losses(shown)),
        Section("unjudged", "What nobody here judged", _unjudged(shown)),
        Section("answered", "What answers what", _answered(shown)),
        Section("outside", "What does not apply", _outside(shown)),
        Section("provenance", "What it rests on", _provenance(shown)),
    )
    title = f"Threat model of {shown.fleet}"
    return page(title, "Skip to what is open", _header(shown), sections)


def headline(shown: Shown) -> str:
    """How it stands, in one sentence."""
    found = items(shown.model, "open")
    if found:
        return f"{count_words(found, 'thing')} open in {shown.fleet}"
    left = items(shown.model, "not judged")
    if left:
        return f"Nothing is open in {shown.fleet}; {count_words(left, 'question')} not judged"
    return f"Nothing is open in {shown.fleet}"


def _header(shown: Shown) -> str:
    applies = {it.threat for it in shown.model.judged if it.verdict.status != "does not apply"}
    facts = [
        (status.capitalize(), str(len(items(shown.model, status))), f"{threats_in} threats")
        for status in STATUSES[:4]
        for threats_in in (len({it.threat for it in shown.model.of(status)}),)
    ]
    facts.append(("Single points of failure", str(len(shown.losses)), "one loss, nothing left"))
    boxes = "".join(
        element("div", element("dt", words(name)),
                element("dd", words(short), element("small", words(long))))
        for name, short, long in facts
    )  # fmt: skip
    lead = (
        f"{len(applies)} of {len(threats())} known threats may be to something of this fleet. Each "
        "was held against each route, source, tenant, tool server and component by what the fleet "
        "file and the lock say of that very thing."
    )
    return (
        element("h1", words(headline(shown)))
        + element("p", words(lead), class_="lead")
        + element("dl", boxes, class_="facts")
    )


def _items(shown: Shown, status: Status, kind: str, none: str) -> str:
    found = items(shown.model, status)
    if not found:
        return element("p", words(none))
    return element("ul", "".join(map(_item, found)), class_=f"items {kind}")


def _item(item: Item) -> str:
    parts = [element("h3", words(item.where)), element("p", words(item.verdict.why))]
    if item.verdict.mend:
        parts.append(element("p", words(item.verdict.mend), class_="mend"))
    if item.verdict.controls:
        said = "; ".join(f"{it.what}: {it.key} = {it.value}" for it in item.verdict.controls)
        parts.append(element("p", words(f"There is {said}.")))
    known = threats()
    named = "; ".join(f"{id_} {known[id_].title}" for id_ in item.threats)
    parts.append(element("p", words(named), class_="soft"))
    if len(item.things) > 3:
        all_ = element("p", words(", ".join(map(str, item.things))))
        parts.append(behind(f"All {len(item.things)}", all_))
    return element("li", *parts)


_COLUMNS: tuple[tuple[str, tuple[ThingKind, ...]], ...] = (
    ("fleet", ("fleet",)),
    ("routes", ("route",)),
    ("models", ("source", "model-api")),
    ("tenants", ("tenant",)),
    ("tools", ("tool server", "mcp")),
    ("tasks", ("sandbox", "egress rule", "secret")),
    ("weights", ("weights",)),
    ("packages", ("pypi", "npm")),
    ("prompts", ("prompt",)),
    ("base", ("runtime", "image")),
)


def _matrix(shown: Shown) -> str:
    there = {it.thing.kind for it in shown.model.judged}
    columns = [(name, kinds) for name, kinds in _COLUMNS if there.intersection(kinds)]
    rows_of: dict[str, list[Judged]] = defaultdict(list)
    for row in shown.model.judged:
        rows_of[row.threat].append(row)
    said = (
        "Each cell has the status of the worst thing of its column, and how many things have it of "
        "how many. A dash: the threat is to nothing of the kind."
    )
    parts = [element("p", words(said))]
    for key in FRAMEWORKS:
        told = framework(key)
        rows: list[list[object]] = [
            [f"{it.id} {it.title}",
             *(_cell([one for one in rows_of[it.id] if one.thing.kind in kinds])
               for _, kinds in columns)]
            for it in told.threats
            if key != "atlas" or any(one.thing.kind != "fleet" for one in rows_of[it.id])
        ]  # fmt: skip
        head = ["threat", *(name for name, _ in columns)]
        made = table(f"{told.name} {told.version}", head, rows, text=1, kind="heat")
        parts.append(made if key != "atlas" else behind(f"{told.name}: {len(rows)} rows", made))
    return "".join(parts)


def _cell(rows: list[Judged]) -> str | Cell:
    if not rows:
        return Cell("–", "number")
    status = worst(rows)
    by_thing: dict[Thing, list[Judged]] = defaultdict(list)
    for row in rows:
        by_thing[row.thing].append(row)
    met = sum(worst(it) == status for it in by_thing.values())
    return Cell(f"{status} {met}/{len(by_thing)}", _MARKS[status])


def _losses(shown: Shown) -> str:
    rows = [
        [it.what, it.name, ", ".join((*it.routes, *it.others))]
        for it in shown.losses
    ]  # fmt: skip
    parts = [
        element("p", words(
            "Each thing was taken out of the fleet by itself. Here is what was left without any "
            "candidate or fallback that meets what it requires."
        )),
        table("Single points of failure", ["what", "name", "leaves nothing for"], rows, text=3)
        if rows else element("p", words("No single loss leaves a route without anything.")),
    ]  # fmt: skip
    if shown.astray:
        astray = [[it.component, it.fallback, it.why] for it in shown.astray]
        head = ["component", "its fallback", "why it is none"]
        parts.append(table("Fallbacks of the lock that are none", head, astray, text=3))
    shares = [[name, f"{share:.1%}"] for name, share in shown.vendors.shares]
    if shares:
        caption = f"Vendors by {shown.vendors.of}; HHI {shown.vendors.index:.3f}"
        said = (
            "The Herfindahl-Hirschman index is the sum of the squares of the shares: 1 is a single "
            "vendor, 0.5 two equal ones."
        )
        if shown.vendors.of == "candidates":
            said += " Nobody said what was used: each route counts as one, its servings alike."
        parts += [table(caption, ["vendor", "share"], shares), element("p", words(said))]
    return "".join(parts)


def _unjudged(shown: Shown) -> str:
    parts = [
        element("p", words("None of this is a pass. It is for people, or for other tools.")),
        _items(shown, "not judged", "unjudged", "Everything that applies was judged."),
    ]
    if items(shown.model, "accepted"):
        parts += [element("h3", "Accepted"), _items(shown, "accepted", "taken", "")]
    return "".join(parts)


def _answered(shown: Shown) -> str:
    rows: list[list[object]] = []
    many: list[list[object]] = []
    for item in items(shown.model, "answered"):
        evidence = "; ".join(f"{it.what}: {it.key} = {it.value}" for it in item.verdict.controls)
        rows.append([item.where, " ".join(item.threats), evidence, item.verdict.residual])
        if len(item.things) > 3:
            many.append([item.where, ", ".join(map(str, item.things))])
    if not rows:
        return element("p", words("Nothing that the fleet file says answers a threat."))
    head = ["what", "threats", "by", "what is left"]
    made = table("Controls, with the key that says so", head, rows, text=4)
    if not many:
        return made
    all_ = table("Things that are alike", ["what", "all of them"], many, text=2)
    return made + behind("All of those that are named by their first", all_)


def _outside(shown: Shown) -> str:
    by_why: dict[str, list[str]] = defaultdict(list)
    for item in items(shown.model, "does not apply"):
        said = item.verdict.why
        where = [] if item.things[0].kind == "fleet" else [f"({item.where})"]
        by_why[said] += [*item.threats, *where]
    rows = [[why, " ".join(ids)] for why, ids in by_why.items()]
    if not rows:
        return element("p", words("Every known threat applies to something."))
    return behind(count_words(rows, "reason"), table("By reason", ["why", "threats"], rows, text=2))


def _provenance(shown: Shown) -> str:
    made = shown.provenance
    rows: list[list[object]] = [
        ["fleet file", f"{shown.fleet}, sha256 {made.fleet}"],
        ["lock", f"sha256 {made.lock}" if made.lock else "there is none"],
        ["date", made.made.isoformat()],
        *(
            [it.name, f"{it.version}, published {it.published}, taken over {it.read}, "
             f"{it.licence}, {it.source}"]
            for it in map(framework, FRAMEWORKS)
        ),
    ]  # fmt: skip
    note = (
        "Titles are the frameworks'. What is said of them here is not. A control is counted where "
        "the fleet file or the lock says it of that very thing; whether it works is shown by its "
        "own tests."
    )
    return table("Made from", ["what", "which"], rows, text=2) + element("p", words(note))
