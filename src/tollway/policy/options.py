"""What a policy may know of a request and of where it could go."""

import msgspec


class Option(msgspec.Struct, frozen=True, gc=False):
    """An available (source, model) pair as a policy sees it.

    `order` is its place in the route; `seed` 64 bits fixed by its name; `outstanding` requests in
    flight at the source; `load` how far that is from an idle source to a full one; `cost` expected
    pico-dollars of this request; `ttft` and `speed` what is expected of it (seconds, output tokens
    a second); `prepaid` whether prepaid tokens cover it.
    """

    order: int
    name: str
    seed: int
    outstanding: int
    load: float
    cost: int
    ttft: float
    speed: float
    prepaid: bool


class Ask(msgspec.Struct, frozen=True, gc=False):
    """What a policy may know of the request: expected output tokens, prefix hash, random draw."""

    output_tokens: int
    prefix: int
    draw: int
