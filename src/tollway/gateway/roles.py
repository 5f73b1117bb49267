"""What is read of one message of a conversation."""

import msgspec


class Role(msgspec.Struct, gc=False):
    """Who speaks in it."""

    role: str = ""
