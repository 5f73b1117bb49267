"""What each opcode of a pickle does to the machine.

Rules
1. An opcode that is not here only pushes its argument.
"""

from collections.abc import Callable

from tollway.pins.weights.pickles.machine import MARK, Machine
from tollway.pins.weights.pickles.opcodes import Broken
from tollway.pins.weights.pickles.values import Items, Made, Name, Persistent


def _put(m: Machine, index: object) -> None:
    if not isinstance(index, int) or index < 0:
        raise Broken("a memo's index is no number")
    if index > max(1024, 16 * m.out.opcodes):
        m.out.problem("pickle-bomb", f"asks for a memo of {index:,} (byte {m.at:,})")
    m.memo[index] = m.top()


def _get(m: Machine, index: object) -> None:
    if index not in m.memo:
        raise Broken(f"takes {index} from the memo, which is not there")
    m.stack.append(m.memo[index])  # type: ignore[index] - what is in the memo is a number


def _pop(m: Machine, _: object) -> None:
    if not m.stack:
        raise Broken("takes from an empty stack")
    m.stack.pop()


def _tuple(count: int) -> Callable[[Machine, object], None]:
    def step(m: Machine, _: object) -> None:
        held = [m.pop() for _ in range(count)]
        m.kept(held)
        m.stack.append(tuple(reversed(held)))

    return step


def _tuple_of_all(m: Machine, _: object) -> None:
    held = m.gathered()
    m.kept(held)
    m.stack.append(tuple(held))


def _gather(kind: str) -> Callable[[Machine, object], None]:
    def step(m: Machine, _: object) -> None:
        held = m.gathered()
        items = Items(kind)
        m.filled(items, held, (kind,))
        m.stack.append(items)

    return step


def _empty(kind: str) -> Callable[[Machine, object], None]:
    return lambda m, _: m.stack.append(Items(kind))


def _append(m: Machine, _: object) -> None:
    value = m.pop()
    m.filled(m.top(), [value], ("list",))


def _appends(m: Machine, _: object) -> None:
    held = m.gathered()
    m.filled(m.top(), held, ("list",))


def _setitem(m: Machine, _: object) -> None:
    value, key = m.pop(), m.pop()
    m.filled(m.top(), [key, value], ("dict", "list"))


def _setitems(m: Machine, _: object) -> None:
    held = m.gathered()
    if len(held) % 2:
        raise Broken("an odd number of items for a dict")
    m.filled(m.top(), held, ("dict",))


def _additems(m: Machine, _: object) -> None:
    held = m.gathered()
    m.filled(m.top(), held, ("set",))


def _global(m: Machine, names: object) -> None:
    m.named(*names)  # type: ignore[misc] - GLOBAL's reader gives the two lines


def _stack_global(m: Machine, _: object) -> None:
    name, module = m.pop(), m.pop()
    m.named(module, name)


def _reduce(m: Machine, _: object) -> None:
    args, what = m.pop(), m.pop()
    m.stack.append(m.called(what, args, "call"))


def _newobj(m: Machine, _: object) -> None:
    args, what = m.pop(), m.pop()
    m.stack.append(m.called(what, args, "new"))


def _newobj_ex(m: Machine, _: object) -> None:
    keywords, args, what = m.pop(), m.pop(), m.pop()
    made = m.called(what, args, "new")
    if isinstance(what, Name) and isinstance(keywords, Items) and keywords.held:
        m.out.problem("pickle-call", f"makes {what} with keywords")
    m.stack.append(made)


def _inst(m: Machine, names: object) -> None:
    held = m.gathered()
    m.kept(held)
    m.named(*names)  # type: ignore[misc] - INST's reader gives the two lines
    m.stack.append(m.called(m.pop(), tuple(held), "call" if held else "new"))


def _obj(m: Machine, _: object) -> None:
    held = m.gathered()
    if not held:
        raise Broken("makes an object of nothing")
    m.kept(held[1:])
    m.stack.append(m.called(held[0], tuple(held[1:]), "call" if held[1:] else "new"))


def _build(m: Machine, _: object) -> None:
    state = m.pop()
    m.stated(m.top(), state)


def _extension(m: Machine, code: object) -> None:
    m.out.problem("pickle-global", f"names extension {code}, which only the loader knows")
    m.out.denied_called += 1
    m.stack.append(Made(Name("?", "?"), ()))


def _persistent(m: Machine, it: object) -> None:
    m.out.persistent.append(it)
    m.stack.append(Persistent(it))


def _binpersistent(m: Machine, _: object) -> None:
    _persistent(m, m.pop())


def _protocol(m: Machine, number: object) -> None:
    if not isinstance(number, int) or number > 5:
        raise Broken(f"protocol {number} is not known")
    m.out.protocol = number


def _buffer(m: Machine, _: object) -> None:
    raise Broken("asks for a buffer out of band")


def _nothing(m: Machine, _: object) -> None:
    """FRAME (rule 4 of the machine)."""


def _steps() -> list[Callable[[Machine, object], None] | None]:
    named: dict[str, Callable[[Machine, object], None]] = {
        ".": _nothing,
        "(": lambda m, _: m.stack.append(MARK),
        "0": _pop,
        "1": lambda m, _: m.gathered().clear(),
        "2": lambda m, _: m.stack.append(m.top()),
        "}": _empty("dict"),
        "]": _empty("list"),
        "\x8f": _empty("set"),
        ")": lambda m, _: m.stack.append(()),
        "t": _tuple_of_all,
        "\x85": _tuple(1),
        "\x86": _tuple(2),
        "\x87": _tuple(3),
        "d": _gather("dict"),
        "l": _gather("list"),
        "\x91": _gather("frozenset"),
        "a": _append,
        "e": _appends,
        "s": _setitem,
        "u": _setitems,
        "\x90": _additems,
        "c": _global,
        "\x93": _stack_global,
        "R": _reduce,
        "\x81": _newobj,
        "\x92": _newobj_ex,
        "i": _inst,
        "o": _obj,
        "b": _build,
        "\x82": _extension,
        "\x83": _extension,
        "\x84": _extension,
        "P": _persistent,
        "Q": _binpersistent,
        "p": _put,
        "q": _put,
        "r": _put,
        "\x94": lambda m, _: m.memo.__setitem__(len(m.memo), m.top()),
        "g": _get,
        "h": _get,
        "j": _get,
        "\x80": _protocol,
        "\x95": _nothing,
        "\x97": _buffer,
        "\x98": _nothing,
    }
    return [named.get(chr(code)) for code in range(256)]


STEPS = _steps()
