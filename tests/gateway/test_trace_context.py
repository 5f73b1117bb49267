"""W3C trace context, as a client may say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tollway.gateway.tracing.context import Context, context_lines, read_context, trace_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
WHOLE = f"00-{TRACE}-{SPAN}-01"
MEMBERS = ",".join(f"k{number}=v" for number in range(32))


def test_what_is_said_is_read() -> None:
    state = b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    assert read_context(WHOLE.encode(), state) == Context(TRACE, SPAN, 1, state.decode())
    assert trace_of({b"traceparent": WHOLE.encode()}) == TRACE
    assert trace_of({}) is None


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        TRACE,
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-what-is-more",
        f"00-{TRACE}-{SPAN}-01 ",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00_{TRACE}_{SPAN}_01",
        f"cc-{TRACE}-{SPAN}-01what-is-more",
        f"{WHOLE},{WHOLE}",
    ],
)
def test_what_breaks_the_grammar_says_nothing(parent: str) -> None:
    assert read_context(parent.encode(), b"a=b") is None


@pytest.mark.parametrize(
    ("parent", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-03", 3),
        (f"00-{TRACE}-{SPAN}-ff", 3),
        (f"00-{TRACE}-{SPAN}-f8", 0),
        (f"cc-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-is-more", 1),
    ],
)
def test_only_flags_that_are_known_go_on(parent: str, flags: int) -> None:
    assert read_context(parent.encode(), None) == Context(TRACE, SPAN, flags, "")


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("a=1", "a=1"),
        ("a=1 , b=2", "a=1,b=2"),
        ("a=1,,b=2,", "a=1,b=2"),
        ("fw529a3039@dt=FfAI;1,a-b*c/d_e=!", "fw529a3039@dt=FfAI;1,a-b*c/d_e=!"),
        (MEMBERS, MEMBERS),
        (f"{MEMBERS},more=1", ""),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=", ""),
        ("=1", ""),
        ("a=1=2", ""),
        ("a=\x07", ""),
        ("a=é", ""),
        (f"{'k' * 257}=1", ""),
        (f"k={'v' * 257}", ""),
        ("a b=1", ""),
    ],
)
def test_a_tracestate_goes_on_whole_or_not_at_all(state: str, kept: str) -> None:
    context = read_context(WHOLE.encode(), state.encode())
    assert context is not None
    assert context.state == kept
    assert read_context(b"broken", state.encode()) is None


def test_a_source_is_told_in_two_lines_at_most() -> None:
    assert context_lines(TRACE, SPAN, 1, "") == f"traceparent: {WHOLE}\r\n".encode()
    lines = context_lines(TRACE, SPAN, 0, "a=1")
    assert lines == f"traceparent: 00-{TRACE}-{SPAN}-00\r\ntracestate: a=1\r\n".encode()


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_bytes_of_a_client_reach_a_source_but_as_a_context(parent: bytes, state: bytes) -> None:
    context = read_context(parent, state)
    if context is not None:
        lines = context_lines(context.trace, SPAN, context.flags, context.state)
        assert lines.count(b"\r\n") == 1 + bool(context.state)
        assert lines.replace(b"\r\n", b"").isascii()


@given(
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 255),
    st.sampled_from(["", "a=1", "a=1,b=2"]),
)
def test_we_read_as_opentelemetry_reads(trace: int, span: int, flags: int, state: str) -> None:
    carrier = {"traceparent": f"00-{trace:032x}-{span:016x}-{flags:02x}", "tracestate": state}
    theirs = get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    ours = read_context(carrier["traceparent"].encode(), state.encode())
    assert ours is not None
    assert (int(ours.trace, 16), int(ours.parent, 16)) == (theirs.trace_id, theirs.span_id)
    assert bool(ours.flags & 1) == theirs.trace_flags.sampled
    assert ours.state == theirs.trace_state.to_header()
