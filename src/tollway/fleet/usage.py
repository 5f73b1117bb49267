"""How many tokens of each kind a request used."""

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one request, or of one attempt at it.

    `input` includes `cached_input` (read from the provider's prompt cache) and `cache_write`;
    `output` includes `reasoning`. `estimated` says that the source gave no usage, so that these
    were counted here.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
