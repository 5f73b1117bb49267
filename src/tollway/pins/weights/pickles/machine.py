"""A pickle's opcodes, interpreted over values that are only descriptions.

Rules
1. Nothing is imported, called or set: a global is its name, a call is the fact of it.
2. A global that cannot be told (its name was computed) is denied.
3. A call of what is no global is denied; so is a state or an item given to a global itself.
4. Where two unpicklers differ (frames, a stray MARK), what the laxer one does is interpreted.
"""

from collections.abc import Callable

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.allowed import modern, use_of
from tollway.pins.weights.pickles.arguments import wrong_with
from tollway.pins.weights.pickles.opcodes import Broken, argument_readers
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.values import Items, Made, Mark, Name, Persistent, Span
from tollway.pins.weights.reader import Cursor

MARK = Mark()
MOST_STACK = 4_000_000
MOST_EXPANDED = 100_000  # values in one key, with what is shared counted each time
_CONTAINERS = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.Counter",
        "collections.deque",
        "collections.ChainMap",
        "builtins.list",
        "builtins.dict",
        "builtins.set",
        "builtins.bytearray",
        "array.array",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.Bunch",
        "pandas.core.indexes.frozen.FrozenList",
        "lightning_fabric.utilities.data.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning.pytorch.utilities.parsing.AttributeDict",
    }
)


class Machine:
    """Interprets one pickle. `more` are globals that the user allows; `limit` counts opcodes.

    `on_build`, where given, is told of each object that got a state: joblib's arrays lie there.
    """

    def __init__(
        self,
        cursor: Cursor,
        more: frozenset[str] = frozenset(),
        limit: int = 1 << 62,
        on_build: Callable[[Made, Cursor, Run], None] | None = None,
    ) -> None:
        self.cursor = cursor
        self.more = more
        self.limit = limit
        self.on_build = on_build
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}
        self.out = Run(start=cursor.position)
        self.at = cursor.position

    def run(self) -> Run:
        """To STOP, to what is no pickle, or to the limit."""
        out, cursor, stack = self.out, self.cursor, self.stack
        readers = argument_readers()
        steps = _STEPS
        try:
            while True:
                self.at = cursor.position
                code = cursor.take(1)[0]
                reader = readers[code]
                if reader is None:
                    raise Broken(f"byte {code:#04x} is no opcode")
                argument = reader(cursor)
                out.opcodes += 1
                if out.opcodes > self.limit:
                    out.ended, out.why = "limit", "it has too many opcodes"
                    break
                step = steps[code]
                if step is None:
                    stack.append(argument)
                elif code == 0x2E:  # STOP
                    out.value = self.pop()
                    out.ended = "stop"
                    break
                else:
                    step(self, argument)
                if len(stack) > MOST_STACK:
                    out.ended, out.why = "limit", "its stack is too high"
                    break
        except EOFError:
            out.why = "the file ends within it"
        except (Broken, ValueError, IndexError, OverflowError) as error:
            out.why = f"{error} (at byte {self.at:,})" if str(error) else f"at byte {self.at:,}"
        out.end = cursor.position
        return out

    # The stack

    def pop(self) -> object:
        if not self.stack or self.stack[-1] is MARK:
            raise Broken("takes from an empty stack")
        return self.stack.pop()

    def top(self) -> object:
        if not self.stack or self.stack[-1] is MARK:
            raise Broken("takes from an empty stack")
        return self.stack[-1]

    def gathered(self) -> list[object]:
        """What lies above the last MARK, which goes too."""
        stack = self.stack
        for index in range(len(stack) - 1, -1, -1):
            if stack[index] is MARK:
                held = stack[index + 1 :]
                del stack[index:]
                return held
        raise Broken("gathers without a MARK")

    # Globals and calls

    def named(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            self.out.problem("pickle-global", f"computes a global's name (byte {self.at:,})")
            self.out.denied_called += 1
            self.stack.append(Made(Name("?", "?"), ()))
            return
        it = Name(module, name)
        self.out.named.setdefault(it, self.at)
        if use_of(it, self.more) is None and it not in self.out.denied:
            self.out.denied.add(it)
            self.out.problem("pickle-global", f"names {module}.{name} (byte {self.at:,})")
        self.stack.append(it)

    def called(self, what: object, args: object, how: str) -> object:
        """The fact of a call; what is wrong with it is a problem."""
        self.out.called += 1
        if not isinstance(what, Name):
            self.out.problem("pickle-call", f"calls what is no global (byte {self.at:,})")
            self.out.denied_called += 1
            return Made(Name("?", "?"), ())
        given = args if is_tuple(args) else ()
        name = modern(what)
        if not is_tuple(args):
            self.out.problem("pickle-call", f"calls {what} with what is no tuple")
        use = use_of(what, self.more)
        if use is None:
            self.out.denied_called += 1
            return Made(what, given)
        self._judge(name, given, how, use)
        if name == Name("builtins", "getattr") and given[:1] == (Name("zoneinfo", "ZoneInfo"),):
            return Name("zoneinfo", "ZoneInfo._unpickle")
        if name == Name("copyreg", "_reconstructor") and given and isinstance(given[0], Name):
            return Made(given[0], given[2:])
        return Made(name, given)

    def _judge(self, name: Name, given: tuple[object, ...], how: str, use: str) -> None:
        theirs = str(name) in self.more
        if use == "value" and not (how == "new" and name.module == "builtins"):
            self.out.problem("pickle-call", f"calls {name}, which may only be named")
        elif use == "make" and how == "call" and given:
            self.out.problem("pickle-call", f"calls {name} with arguments")
        elif not theirs:
            wrong = wrong_with(name, given)
            if wrong:
                self.out.problem("pickle-call", f"{name} {wrong} (byte {self.at:,})")
            if name == Name("torch.storage", "_load_from_bytes"):
                self._nested(given)

    def _nested(self, given: tuple[object, ...]) -> None:
        if len(given) == 1 and isinstance(given[0], bytes):
            self.out.nested.append(given[0])
        elif len(given) == 1 and isinstance(given[0], Span):
            self.out.nested.append((given[0].start, given[0].size))
        else:
            self.out.problem(
                "pickle-call", "torch.storage._load_from_bytes is given what is hidden"
            )

    def stated(self, what: object, state: object) -> None:
        if isinstance(what, Persistent):
            raise Broken("a state is given to a storage")
        if not isinstance(what, Made):
            self.out.problem("pickle-state", f"gives a state to what is no object: {_said(what)}")
            return
        for key in _keys(state):
            if not isinstance(key, str | int | bytes | tuple | None):
                self.out.problem("pickle-state", f"sets an attribute of {what.maker} by no text")
            elif isinstance(key, str) and key.startswith("__"):
                self.out.problem("pickle-state", f"sets {key} of {what.maker} (byte {self.at:,})")
        what.state = state
        if self.on_build is not None:
            self.on_build(what, self.cursor, self.out)

    def filled(self, what: object, held: list[object], kinds: tuple[str, ...]) -> None:
        """Items for a list, dict or set, or for an object that is one."""
        if isinstance(what, Items):
            if what.kind not in kinds:
                raise Broken(f"gives items to a {what.kind}")
            what.held.extend(held)
        elif not isinstance(what, Made) or not self._takes_items(what.maker):
            self.out.problem("pickle-state", f"gives items to {_said(what)} (byte {self.at:,})")
        if "dict" in kinds:
            held = held[::2]
        if kinds != ("list",):
            for key in held:
                self.hashed(key)

    def _takes_items(self, maker: Name) -> bool:
        """A container does; what is denied anyway has been said."""
        return (
            str(maker) in _CONTAINERS or str(maker) in self.more or use_of(maker, self.more) is None
        )

    def hashed(self, key: object) -> None:
        """A key: tuples within tuples, each shared, would hash for ever."""
        if not is_tuple(key):
            return
        waiting, seen = [key], 0
        while waiting:
            seen += 1 + len(waiting[-1])
            if seen > MOST_EXPANDED:
                self.out.problem("pickle-bomb", f"has a key that takes for ever (byte {self.at:,})")
                return
            waiting.extend(it for it in waiting.pop() if is_tuple(it))


def _said(what: object) -> str:
    if isinstance(what, Made):
        return f"a {what.maker}"
    return str(what) if isinstance(what, Name) else f"a {type(what).__name__.lower()}"


def _keys(state: object) -> list[object]:
    """The attributes that a state sets: of a dict, and of the second of a pair (slots)."""
    if is_tuple(state):
        return [key for it in state if isinstance(it, Items) for key in _keys(it)]
    return state.held[::2] if isinstance(state, Items) and state.kind == "dict" else []


# The opcodes that do more than to push their argument.


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
        m.stack.append(tuple(reversed(held)))

    return step


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
    if isinstance(what, Name) and isinstance(keywords, Items) and keywords.held and args != ():
        m.out.problem("pickle-call", f"makes {what} with keywords")
    m.stack.append(made)


def _inst(m: Machine, names: object) -> None:
    held = m.gathered()
    m.named(*names)  # type: ignore[misc] - INST's reader gives the two lines
    m.stack.append(m.called(m.pop(), tuple(held), "call" if held else "new"))


def _obj(m: Machine, _: object) -> None:
    held = m.gathered()
    if not held:
        raise Broken("makes an object of nothing")
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
    """FRAME (rule 4)."""


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
        "t": lambda m, _: m.stack.append(tuple(m.gathered())),
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


_STEPS = _steps()
