"""How `tollway scan` words numbers, and how it styles a line where a terminal looks."""

import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from tollway.cli.table import printable
from tollway.units import format_usd

NAMES: Final = {
    "claude-code": "Claude Code",
    "codex": "Codex",
    "gemini-cli": "Gemini CLI",
    "openai-export": "OpenAI's export",
    "anthropic-export": "Anthropic's export",
    "export": "exports",
    "litellm": "LiteLLM",
    "vllm": "vLLM",
}
"""Tools as people call them."""

MOST_ROWS: Final = 20
WIDEST: Final = 26
NARROW: Final = 20
"""Characters of a name, alone and beside others; a longer one loses its middle."""


def head(words: str) -> None:
    """The heading of a section."""
    sys.stdout.write("\n")
    bold(words)


def bold(words: str) -> None:
    """A line that stands out."""
    styled(words, "bold")


def say(lines: Iterable[str], *, folded: bool = True) -> None:
    """Sentences, dim where a terminal looks; unfolded ones can be copied."""
    for line in map(printable, lines):
        rows = textwrap.wrap(line, 80, subsequent_indent="  ", break_on_hyphens=False)
        styled("\n".join(rows) if folded else line, "dim")


def styled(words: str, style: str) -> None:
    """Styled where a terminal looks, else as it is."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(words, style), soft_wrap=True)
    else:
        sys.stdout.write(f"{words}\n")


def tokens(count: int) -> str:
    """`812`, `14.2k`, `3.61M`, `1.04B`: three digits that count."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size * 0.9995:
            value = count / size
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"
    return str(count)


def dollars(amount: int, of: int | None = None) -> str:
    """Cents; four places where the largest amount beside it, `of`, is below ten dollars."""
    return format_usd(amount, 2 if abs(amount if of is None else of) >= 10**13 else 4)


def named(model: str, most: int | None = WIDEST) -> str:
    """At most so many characters of a name."""
    if most is None or len(model) <= most:
        return model
    half = (most - 1) // 2
    return f"{model[:half]}…{model[len(model) - (most - 1 - half) :]}"


def share_of(part: int, whole: int) -> str:
    """Percent; a dash of nothing."""
    return f"{part / whole:.0%}" if whole else "-"


def day(at: float) -> str:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def seconds(value: float | None) -> str:
    """`400 ms`, `2.0 s`; a dash of nothing."""
    if value is None:
        return "-"
    return (
        f"{value:.0f} s"
        if value >= 9.95
        else f"{value:.1f} s"
        if value >= 0.95
        else f"{value * 1000:.0f} ms"
    )


def rate(value: float | None) -> str:
    """Tokens a second; a dash of nothing."""
    return "-" if value is None else f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"
