"""A Jinja template as text, expressions and statements, each a list of tokens.

Source: Jinja 3.1's lexer with its default delimiters.
"""

import re
from dataclasses import dataclass

MOST_TOKENS = 200_000


class Malformed(ValueError):  # noqa: N818 - it is what the template is
    """Why a template is none, as a clause."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, text, number, sign or end; `value` what it says."""

    kind: str
    value: object


@dataclass(frozen=True, slots=True)
class Block:
    """`{{ ... }}` or `{% ... %}`."""

    statement: bool
    tokens: tuple[Token, ...]


_OPEN = re.compile(r"\{[{%#]")
_RAW_END = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<float>\d(?:_?\d)*(?:\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?|\d(?:_?\d)*[eE][+-]?\d(?:_?\d)*)"
    r"|(?P<integer>0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|\d(?:_?\d)*)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>//|\*\*|==|!=|>=|<=|[-+*/%~\[\](){}<>=.:|,;])",
    re.DOTALL,
)


def blocks_of(source: str) -> list[Block]:
    """The template's expressions and statements in their order."""
    out: list[Block] = []
    at = count = 0
    while True:
        opened = _OPEN.search(source, at)
        if opened is None:
            return out
        at = opened.end()
        kind = opened[0]
        if kind == "{#":
            end = source.find("#}", at)
            if end < 0:
                raise Malformed("has a comment that does not end")
            at = end + 2
            continue
        tokens, at = _tokens(source, at, "}}" if kind == "{{" else "%}")
        count += len(tokens)
        if count > MOST_TOKENS:
            raise Malformed("is too long")
        if kind == "{%" and tokens and tokens[0].value == "raw":
            found = _RAW_END.search(source, at)
            if found is None:
                raise Malformed("has a raw block that does not end")
            at = found.end()
            continue
        out.append(Block(kind == "{%", tuple(tokens)))


def _tokens(source: str, at: int, end: str) -> tuple[list[Token], int]:
    out: list[Token] = []
    depth = 0
    if source[at : at + 1] in ("-", "+") and source[at : at + 1]:
        at += 1
    while True:
        for closing in (f"-{end}", f"+{end}", end):
            if depth == 0 and source.startswith(closing, at):
                return out, at + len(closing)
        found = _TOKEN.match(source, at)
        if found is None:
            raise Malformed(f"has what is no token: {source[at : at + 20]!r}")
        at = found.end()
        kind = found.lastgroup
        value = found[0]
        if kind == "text":
            out.append(Token("text", _unquoted(value)))
        elif kind == "integer":
            out.append(
                Token(
                    "number",
                    int(
                        value.replace("_", ""),
                        0 if value[:1] == "0" and value[1:2].isalpha() else 10,
                    ),
                )
            )
        elif kind == "float":
            out.append(Token("number", float(value.replace("_", ""))))
        elif kind == "name":
            out.append(Token("name", value))
        elif kind == "sign":
            depth += (value in "([{") - (value in ")]}")
            out.append(Token("sign", value))


def _unquoted(value: str) -> str:
    try:
        return value[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")
    except UnicodeDecodeError:
        raise Malformed(f"has a text that is none: {value[:40]!r}") from None
