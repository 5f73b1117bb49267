"""The gateway's log."""

import io

from tollway.gateway.log import Log


class Full(io.StringIO):
    """A stream on a full disk."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    stream = Full()
    log = Log(lambda: 0.0, stream)
    log.say("breaker open")
    log.fault(RuntimeError("x"))
    stream = io.StringIO()
    stream.close()
    Log(lambda: 0.0, stream).say("the terminal is gone")


def test_a_line_is_one_line_whatever_is_in_it() -> None:
    stream = io.StringIO()
    Log(lambda: 0.0, stream).say("one\ntwo\r\n three")
    assert stream.getvalue() == "1970-01-01T00:00:00Z one two three\n"
