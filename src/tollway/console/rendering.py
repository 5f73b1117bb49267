"""Pages out of templates: what every page is given, and how numbers and moments are written.

Rules
1. Everything is escaped unless a template says that it is markup already.
2. Data for a script is an island, `<script type="application/json">`: never code.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tollway.console.wording import visible
from tollway.fleet.consoling import ROLES, Role
from tollway.units import format_usd

NAVIGATION = (
    ("road", "/", "Road"),
    ("requests", "/requests", "Requests"),
    ("money", "/money", "Money"),
    ("twin", "/twin", "Twin"),
    ("feel", "/feel", "Feel"),
    ("choose", "/choose", "Choose"),
    ("guard", "/guard", "Guard"),
    ("pins", "/pins", "Pins"),
)
"""Page, path, and what it is called."""


def island(value: object) -> Markup:
    """A value as JSON that no HTML parser takes for anything else."""
    text = msgspec.json.encode(value).decode()
    for found, written in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(found, written)
    return Markup(text)  # noqa: S704 - rule 2


def moment(utc: float | None) -> str:
    """UTC seconds as text, to the second."""
    if utc is None:
        return "unknown"
    return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def held(roles: Collection[Role]) -> str:
    """The roles of a session in words; viewer goes without saying where there is another."""
    more = [it for it in ROLES if it in roles and it != "viewer"]
    return ", ".join(more) or "viewer"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("tollway.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = made.filters
    filters |= {
        "island": island, "moment": moment, "usd": format_usd, "held": held, "visible": visible
    }  # fmt: skip
    return made


_TEMPLATES = _environment()


def render(
    request: Request,
    template: str,
    context: Mapping[str, object],
    *,
    status: int = 200,
) -> HTMLResponse:
    """A page. The template has, beside `context`: `session` (None before sign-in), `csrf`,
    `navigation`, `here` (the page's name, the template's folder)."""
    session = request.scope.get("tollway.session")
    known = {
        "session": session,
        "csrf": "" if session is None else session.csrf,
        "navigation": NAVIGATION,
        "here": template.partition("/")[0],
    }
    text = _TEMPLATES.get_template(template).render({**known, **context})
    return HTMLResponse(text, status)
