"""A pickle's opcodes, interpreted over values that are only descriptions.

Rules
1. Nothing is imported, called or set: a global is its name, a call is the fact of it.
2. A global that cannot be told (its name was computed) is denied.
3. A call of what is no global is denied; so is a state or an item given to a global itself.
4. Where two unpicklers differ (frames, a stray MARK), what the laxer one does is interpreted.
"""

from collections.abc import Callable, Iterator

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.allowed import modern, use_of
from tollway.pins.weights.pickles.arguments import attribute, is_checked, wrong_with
from tollway.pins.weights.pickles.dtypes import DTYPE, element_of_dtype
from tollway.pins.weights.pickles.opcodes import Broken
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.science import KEEPERS
from tollway.pins.weights.pickles.values import Items, Made, Mark, Name, Persistent, Span
from tollway.pins.weights.reader import Cursor

MARK = Mark()
MOST_EXPANDED = 100_000  # values in one key, with what is shared counted each time
_LOADERS_OWN = frozenset(("append", "extend", "add", "__setstate__"))
"""What the loader itself calls on an object that it fills: an attribute of the name, or an item
where items are attributes, takes its place."""
_BAGS = frozenset(
    f"{module}.{name}"
    for name, modules in {
        "Bunch": ("sklearn.utils._bunch", "sklearn.utils"),
        "AttributeDict": (
            "lightning_fabric.utilities.data",
            "lightning.fabric.utilities.data",
            "pytorch_lightning.utilities.parsing",
            "lightning.pytorch.utilities.parsing",
        ),
    }.items()
    for module in modules
)
"""Dicts whose items are attributes too."""
_FILLED_AS: dict[str, str] = {
    "collections.OrderedDict": "dict",
    "collections.defaultdict": "dict",
    "collections.Counter": "dict",
    "collections.ChainMap": "dict",
    "builtins.dict": "dict",
    **dict.fromkeys(_BAGS, "dict"),
    "builtins.set": "set",
    "collections.deque": "list",
    "builtins.list": "list",
    "builtins.bytearray": "list",
    "array.array": "list",
    "pandas.core.indexes.frozen.FrozenList": "list",
}
_SETTING = frozenset(
    {
        Name("torch._tensor", "_rebuild_from_type_v2"),
        Name("torch._utils", "_rebuild_parameter_with_state"),
    }
)
"""Functions that set a state, their fourth argument, themselves."""
_OF_PAIRS = ("dict", "OrderedDict")
_HASHING = frozenset(
    {Name("builtins", it) for it in ("set", "frozenset", "dict")}
    | {Name("collections", it) for it in ("OrderedDict", "Counter")}
)
_ONLY_CALLED = frozenset(
    {
        Name("builtins", "getattr"),
        Name("_codecs", "encode"),
        Name("copyreg", "_reconstructor"),
        Name("re", "_compile"),
        Name("torch.storage", "_load_from_bytes"),
        Name("torch._tensor", "_rebuild_from_type_v2"),
    }
)
"""Functions that do what their arguments say: kept anywhere, another would call them."""


class Machine:
    """What one pickle has made so far. `more` are globals that the user allows.

    `on_build`, where given, is told of each object that got a state: joblib's arrays lie there.
    """

    def __init__(
        self,
        cursor: Cursor,
        more: frozenset[str] = frozenset(),
        on_build: Callable[[Made, Cursor, Run], None] | None = None,
    ) -> None:
        self.cursor = cursor
        self.more = more
        self.on_build = on_build
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}
        self.out = Run(start=cursor.position)
        self.at = cursor.position

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
        method = attribute(given) if name == Name("builtins", "getattr") else None
        if method is not None:
            return method
        if name == Name("copyreg", "_reconstructor") and given and isinstance(given[0], Name):
            return Made(given[0], given[2:])
        return Made(name, given)

    def _judge(self, name: Name, given: tuple[object, ...], how: str, use: str) -> None:
        theirs = str(name) in self.more
        if use == "value":
            self.out.problem("pickle-call", f"calls {name}, which may only be named")
        elif use == "make" and given and (how == "call" or not is_checked(name)):
            self.out.problem("pickle-call", f"calls {name} with arguments")
        elif not theirs:
            wrong = wrong_with(name, given)
            if wrong:
                self.out.problem("pickle-call", f"{name} {wrong} (byte {self.at:,})")
            if name in _SETTING and len(given) > 3:
                self._set(name, given[3])
            if name in _HASHING:
                self._hashed_all(name, given)
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
        self._set(what.maker, state)
        self.kept([state])
        what.state = state
        if what.maker == DTYPE and element_of_dtype(what) is None:
            self.out.problem(
                "pickle-state", f"gives numpy.dtype a state that is no dtype's (byte {self.at:,})"
            )
        if self.on_build is not None:
            self.on_build(what, self.cursor, self.out)

    def _set(self, maker: Name, state: object) -> None:
        """What is wrong with the attributes that a state sets."""
        for key, value in self._attributes(state):
            if not isinstance(key, str | int | bytes | tuple | None):
                self.out.problem("pickle-state", f"sets an attribute of {maker} by no text")
            elif isinstance(key, str) and (key.startswith("__") or key in _LOADERS_OWN):
                self.out.problem("pickle-state", f"sets {key} of {maker} (byte {self.at:,})")
            elif isinstance(value, Name) and not self._may_keep(maker, value):
                self.out.problem("pickle-state", f"gives {maker} {value} to call as its {key}")

    def _attributes(self, state: object) -> Iterator[tuple[object, object]]:
        """What a state sets: a dict's items, and those of the second of a pair (slots)."""
        for it in state if is_tuple(state) else (state,):
            if isinstance(it, Items) and it.kind == "dict":
                yield from zip(it.held[::2], it.held[1::2], strict=True)
            elif isinstance(it, Made) and _FILLED_AS.get(str(it.maker)) == "dict":
                self.out.problem("pickle-state", f"gives a {it.maker} for a state")

    def _may_keep(self, maker: Name, value: Name) -> bool:
        """What runs a function of its state may keep a value's name, or one that the user
        allows."""
        theirs = str(value) in self.more
        return theirs or str(maker) not in KEEPERS or use_of(value, self.more) != "call"

    def filled(self, what: object, held: list[object], kinds: tuple[str, ...]) -> None:
        """Items for a list, dict or set, or for an object that is one."""
        self.kept(held)
        if isinstance(what, Items):
            if what.kind not in kinds:
                raise Broken(f"gives items to a {what.kind}")
            what.held.extend(held)
        elif not isinstance(what, Made) or not self._takes(what.maker, kinds):
            self.out.problem("pickle-state", f"gives items to {_said(what)} (byte {self.at:,})")
        if kinds == ("list",):
            return
        for key in held[::2] if "dict" in kinds else held:
            if isinstance(what, Made) and str(what.maker) in _BAGS and not _is_attribute(key):
                self.out.problem("pickle-state", f"gives {what.maker} an item {key!r:.60}")
            self.hashed(key)

    def _takes(self, maker: Name, kinds: tuple[str, ...]) -> bool:
        """A container of the kind does; what is denied anyway has been said."""
        return (
            _FILLED_AS.get(str(maker)) in kinds
            or str(maker) in self.more
            or use_of(maker, self.more) is None
        )

    def kept(self, held: list[object]) -> None:
        """What is put where another may find it and call it."""
        for it in held:
            if isinstance(it, Name) and modern(it) in _ONLY_CALLED:
                self.out.problem("pickle-call", f"hands on {it} (byte {self.at:,})")

    def _hashed_all(self, name: Name, given: tuple[object, ...]) -> None:
        """What a set or a dict is made of by a call: its keys, or the firsts of its pairs."""
        for it in given:
            held = it.held if isinstance(it, Items) else it if is_tuple(it) else ()
            for one in held:
                pair = one.held if isinstance(one, Items) else one if is_tuple(one) else ()
                self.hashed(pair[0] if pair and name.name in _OF_PAIRS else one)

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


def _is_attribute(key: object) -> bool:
    """May an item of a bag have the key? A text that is there to be read, and none of Python's or
    the loader's own names; what is no text is no attribute."""
    if isinstance(key, str):
        return not key.startswith("__") and key not in _LOADERS_OWN
    return isinstance(key, int | float | bytes | None)
