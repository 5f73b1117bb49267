"""The kinds of value that a key of a fleet file may hold, each with its reader and JSON Schema."""

from datetime import date
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from tollway.fleet import quantities
from tollway.fleet.credential import Credential
from tollway.units import Bytes, PartsPerMillion, PicoDollars, Seconds


def _text(what: str, pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "examples": [example], "$comment": what}
    )


Duration = Annotated[
    Seconds,
    PlainValidator(quantities.duration),
    _text("duration", r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$", "10s"),
]
Size = Annotated[
    Bytes,
    PlainValidator(quantities.size),
    _text("size", "^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)$", "32MiB"),
]
Money = Annotated[
    PicoDollars, PlainValidator(quantities.money), _text("USD", r"^[0-9]+(\.[0-9]+)?$", "5.00")
]
TokenPrice = Annotated[
    PicoDollars,
    PlainValidator(quantities.token_price),
    _text("USD per million tokens", r"^[0-9]+(\.[0-9]+)?$", "0.25"),
]
Markup = Annotated[
    PartsPerMillion,
    PlainValidator(quantities.markup),
    _text("share of cost", r"^-?[0-9]+(\.[0-9]+)?$", "0.20"),
]
Day = Annotated[
    date,
    PlainValidator(quantities.day),
    WithJsonSchema({"type": "string", "format": "date", "$comment": "date"}),
]
Hours = Annotated[
    tuple[int, int],
    PlainValidator(quantities.hours),
    _text("hours", "^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$", "16:30-00:30"),
]
Address = Annotated[
    tuple[str, int],
    PlainValidator(quantities.address),
    _text("host and port", "^.+:[0-9]{1,5}$", "127.0.0.1:8400"),
]
Url = Annotated[
    str, PlainValidator(quantities.url), _text("URL", "^https?://", "https://api.openai.com/v1")
]
Collector = Annotated[
    str,
    PlainValidator(quantities.collector),
    _text("URL", "^https?://", "http://127.0.0.1:4318"),
]
Reference = Annotated[
    Credential,
    PlainValidator(quantities.credential),
    _text("reference", "^(env|file):.+$", "env:OPENAI_API_KEY"),
]
Count = Annotated[int, Field(ge=1, le=10**12)]
"""One or more; the bound only keeps sums within 64 bits."""
Rate = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=1024)]
Label = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,31}$")]
