"""Why a request is not served: a status, a stable word, and words that reach who asked."""

from tollway.errors import TollwayError


class RefusedError(TollwayError):
    """One request is not served. `rule` is a stable word, as in `pins.admission`."""

    def __init__(self, rule: str, words: str, status: int = 403) -> None:
        super().__init__(words)
        self.rule = rule
        self.status = status


def unreadable(what: str, why: str) -> RefusedError:
    """An upstream's answer that cannot be believed."""
    words = f"{what}: its index's answer is not believed: {why}. Nothing is served of it."
    return RefusedError("index.answer", words, 403)


def unreached(what: str, why: str) -> RefusedError:
    """An upstream that does not answer, now."""
    words = f"{what}: its index cannot be asked now: {why}. Ask again later."
    return RefusedError("index.upstream", words, 403)


def nowhere(what: str, why: str) -> RefusedError:
    """What is not there."""
    return RefusedError("index.absent", f"{what}: {why}.", 404)
