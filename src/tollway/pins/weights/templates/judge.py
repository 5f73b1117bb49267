"""What a chat template may not do.

Rules
1. It reaches no attribute of Python's own: none that begins with `_`, none of frames and code.
2. No attribute's name is computed: what is put together is no key, and `attr` is denied.
3. It calls its macros, methods of texts, lists and dicts, and what a chat runtime hands it.
4. It does not run or grow for ever: no huge range, no power, no text that doubles in a loop.
5. What does not parse is denied.
"""

import re
from collections.abc import Iterable

from tollway.pins.weights.look import Look
from tollway.pins.weights.templates.computed import Taint, is_number, is_written
from tollway.pins.weights.templates.nodes import (
    Attribute,
    Call,
    Const,
    Filter,
    Name,
    Node,
    Operation,
    Subscript,
    path_of,
    walk,
    words,
)
from tollway.pins.weights.templates.program import Statement, program
from tollway.pins.weights.templates.tokens import Malformed

MOST_TEMPLATE = 4 << 20
_MOST_NUMBER = 100_000
_MOST_TURNS = 1_000_000
_DUNDER = re.compile(r"__\w+__|^__|^_[A-Za-z]")
_INTERNAL = words(
    "gi_frame gi_code gi_yieldfrom f_globals f_locals f_builtins f_back f_code cr_frame cr_code "
    "ag_frame ag_code tb_frame tb_next func_globals func_code co_code mro format_map im_func "
    "im_class im_self environment eval_ctx exported_vars call_function"
)
_HANDED = words("raise_exception strftime_now namespace range dict caller joiner cycler")
_NEVER = words(
    "self lipsum config request session g url_for get_flashed_messages application super"
)
_METHODS = words(
    "strip lstrip rstrip split rsplit splitlines startswith endswith replace upper lower title "
    "capitalize join items keys values get find rfind index count isdigit isalpha isnumeric "
    "isalnum isupper islower isspace isdecimal append pop insert extend update copy setdefault "
    "remove reverse sort partition rpartition zfill ljust rjust center expandtabs removeprefix "
    "removesuffix swapcase casefold encode decode add discard clear cycle changed union"
)
_FILTERS = words(
    "trim tojson length count upper lower title capitalize join replace first last list string int "
    "float default d items dictsort sort unique map select reject selectattr rejectattr indent "
    "safe escape e forceescape striptags wordcount round abs sum min max reverse batch slice "
    "truncate urlencode center format groupby random wordwrap pprint from_json fromjson "
    "string_escape strip"
)
_BY_ATTRIBUTE = words("map selectattr rejectattr groupby sort unique sum min max join")


def judge_template(source: bytes, place: str, look: Look) -> None:
    """A chat template's findings."""
    if len(source) > MOST_TEMPLATE:
        look.finding(place, "template", f"is a template of {len(source):,} bytes")
        return
    try:
        statements = program(source.decode("utf-8"))
    except (Malformed, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, Malformed) else "is no text"
        look.finding(place, "template", why)
        return
    except RecursionError:
        look.finding(place, "template", "is nested too deep")
        return
    for problem in dict.fromkeys(_problems(statements)):
        look.finding(place, "template", problem)


def _problems(statements: list[Statement]) -> Iterable[str]:
    macros = {it.name for it in statements if it.kind == "macro"}
    own = macros | _assigned(statements)
    taint = Taint(statements)
    turns = [1]
    for statement in statements:
        if statement.kind == "for":
            turns.append(turns[-1] * _turns(statement.values[0]))
            if turns[-1] > _MOST_TURNS:
                yield f"would run {turns[-1]:,} turns"
            if statement.recursive:
                yield "has a loop that calls itself"
        elif statement.kind == "endfor" and len(turns) > 1:
            turns.pop()
        yield from _growth(statement, len(turns) > 1)
        for node in _roots(statement):
            for one in walk(node):
                yield from _wrong(one, macros, own, taint)
            yield from _bare(node)


def _assigned(statements: list[Statement]) -> set[str]:
    """Variables of the template's own: they hide a global of the same name."""
    targets = {path_of(it) or "" for one in statements for it in one.targets}
    return targets | {name for one in statements for name, _ in one.params}


def _roots(statement: Statement) -> list[Node]:
    return [*statement.values, *statement.targets, *(it for _, it in statement.params)]


def _wrong(node: Node, macros: set[str], own: set[str], taint: Taint) -> Iterable[str]:
    if isinstance(node, Const):
        yield from _literal(node.value)
    elif isinstance(node, Name):
        if node.name.startswith("__") or (node.name in _NEVER and node.name not in own):
            yield f"names {node.name}"
    elif isinstance(node, Attribute):
        if node.name.startswith("_") or node.name in _INTERNAL:
            yield f"reaches the attribute {node.name}"
    elif isinstance(node, Subscript):
        yield from _key(node.key, taint)
    elif isinstance(node, Call):
        yield from _call(node, macros)
    elif isinstance(node, Filter):
        yield from _filter(node, taint)
    elif node.sign == "**":
        yield "computes a power"
    elif node.sign == "*" and sum(not isinstance(it, Const) for it in node.parts) == 2:
        yield "multiplies what is not known by what is not known"


def _literal(value: object) -> Iterable[str]:
    if isinstance(value, str) and _DUNDER.search(value) and _python(value):
        yield f"names {value[:60]}"
    if isinstance(value, int) and value > _MOST_NUMBER:
        yield f"has the number {value:,}"


def _python(text: str) -> bool:
    """A name of Python's own machinery within the text, or a format that reaches for one."""
    words = re.findall(r"__(\w+?)__", text)
    return any(it in _MACHINERY for it in words) or text.rstrip("_") in ("", "_")


_MACHINERY = words(
    "class base bases mro subclasses globals builtins init import dict getattribute getattr self "
    "func code call new reduce reduce_ex module closure defaults wrapped setattr delattr "
    "getitem name doc enter exit loader spec file path annotations kwdefaults get set"
)


def _key(key: Node, taint: Taint) -> Iterable[str]:
    if isinstance(key, Operation) and key.sign in (":", ","):
        for part in key.parts:
            yield from _key(part, taint)
        return
    if isinstance(key, Const):
        if isinstance(key.value, str) and (key.value.startswith("_") or key.value in _INTERNAL):
            yield f"reaches the key {key.value[:60]}"
        return
    if is_written(key):
        yield "reaches what a message names"
    if not is_number(key) and taint.computed(key):
        yield "computes the name of what it reaches"


def _call(node: Call, macros: set[str]) -> Iterable[str]:
    for name, _ in node.args:
        if name.startswith("_") and len(name) > 1:
            yield f"names {name}"
    on = node.on
    if isinstance(on, Name):
        if on.name not in _HANDED and on.name not in macros:
            yield f"calls {on.name}"
        return
    if isinstance(on, Attribute):
        literal = isinstance(on.on, Const) and isinstance(on.on.value, str)
        if on.name == "format" and literal and not re.search(r"\{[^{}:!]*[.\[]", str(on.on.value)):  # type: ignore[union-attr] - literal
            return
        if on.name not in _METHODS:
            yield f"calls the method {on.name}"
        return
    yield "calls what is no name"


def _filter(node: Filter, taint: Taint) -> Iterable[str]:
    if node.test:
        return
    if node.name not in _FILTERS:
        yield f"uses the filter {node.name}"
    if node.name not in _BY_ATTRIBUTE:
        return
    for index, (name, value) in enumerate(node.args):
        if not isinstance(value, Const):
            if taint.computed(value) and node.name != "join":
                yield f"computes a name for the filter {node.name}"
            continue
        first = node.name == "map" and index == 0 and not name
        if first and value.value not in _FILTERS:
            yield f"maps the filter {value.value!r:.40}"
        parts = str(value.value).split(".") if isinstance(value.value, str) else []
        by_name = name == "attribute" or node.name not in ("join", "map", "sum") or len(parts) > 1
        if by_name and any(it.startswith("_") or it in _INTERNAL for it in parts):
            yield f"reaches the attribute {value.value!r:.60}"


def _bare(root: Node) -> Iterable[str]:
    """A function that is handed in is called or asked for, and not passed on."""
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, fine = waiting.pop()
        if isinstance(node, Name) and node.name in _HANDED and not fine:
            yield f"passes {node.name} on"
        if isinstance(node, Call):
            waiting.append((node.on, isinstance(node.on, Name)))
            waiting.extend((it, False) for _, it in node.args)
        elif isinstance(node, Filter):
            if node.on is not None:
                waiting.append((node.on, node.test))
            waiting.extend((it, False) for _, it in node.args)
        elif isinstance(node, Attribute | Subscript):
            waiting.append((node.on, False))
            if isinstance(node, Subscript):
                waiting.append((node.key, False))
        elif isinstance(node, Operation):
            waiting.extend((it, node.sign in ("if", "and", "or", "not")) for it in node.parts)


def _turns(over: Node) -> int:
    """How often a loop over this runs, where literals say so: else once, for all that is known."""
    if isinstance(over, Call) and over.on == Name("range"):
        numbers = [it.value for _, it in over.args if isinstance(it, Const)]
        whole = [it for it in numbers if isinstance(it, int)]
        return max(1, *whole) if whole else 1
    return 1


def _growth(statement: Statement, looped: bool) -> Iterable[str]:
    """A text that is twice in what is assigned to itself doubles with every turn."""
    if statement.kind != "set" or not looped:
        return
    for target in statement.targets:
        path = path_of(target)
        sums = [it for value in statement.values for it in walk(value)]
        adds = any(isinstance(it, Operation) and it.sign in ("~", "+", "*") for it in sums)
        twice = path is not None and sum(path_of(it) == path for it in sums) > 1
        if adds and twice and not any(map(is_number, statement.values)):
            yield f"doubles {path} in a loop"
