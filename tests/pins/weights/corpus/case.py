"""One file of the corpus."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A file: its id, its name and its bytes.

    `loader` is what really loads it here (pickle, numpy, pandas), so that a malicious one can be
    shown to act; empty where no such loader is installed or the harm is no running of code.
    """

    id: str
    name: str
    data: bytes
    loader: str = ""
