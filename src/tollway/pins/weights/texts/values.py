"""What configurations (JSON, YAML) may not say to those who load them.

Rules
1. No class or function is named for the loader to import, save for known libraries' own.
2. A chat template is judged as one wherever it stands.
3. A file that is named lies beside the configuration.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from tollway.pins.weights.archives.names import wrong_name
from tollway.pins.weights.kinds import is_dict, is_list
from tollway.pins.weights.look import Look
from tollway.pins.weights.pickles.allowed import use_of
from tollway.pins.weights.pickles.values import Name
from tollway.pins.weights.templates.judge import judge_template
from tollway.pins.weights.texts.keras import wrong_object

Object = Mapping[str, object]
_MOST_NODES = 20_000_000
_TARGET = re.compile(
    r"(nemo\.(collections|core)|torch\.(nn|optim)|megatron\.core|lightning\.pytorch|"
    r"pytorch_lightning)(\.[A-Za-z_]\w*)*\.[A-Z]\w*"
)
_SKOPS_LOADERS = frozenset(
    {
        f"{it}Node"
        for it in (
            "Dict",
            "List",
            "Tuple",
            "Set",
            "NdArray",
            "MaskedArray",
            "Object",
            "Type",
            "Json",
            "Slice",
            "Bytes",
            "Bytearray",
            "SparseMatrix",
            "DType",
            "Dtype",
            "RandomState",
            "RandomGenerator",
            "Datetime",
            "Tree",
            "Loss",
            "SGD",
            "DefaultDict",
            "OrderedDict",
            "Cached",
        )
    }
    | {"CachedNode", "ConstantFromJson"}
)
_JSONPICKLE = ("py/object", "py/reduce", "py/type", "py/function", "py/module", "py/repr", "py/ref")


def judge_values(root: object, place: str, look: Look) -> None:
    """Everything that a configuration holds."""
    for node in _objects(root):
        for key, check in _CHECKS.items():
            if key in node:
                check(node, place, look)
        wrong = wrong_object(node) if "class_name" in node else None
        if wrong:
            look.finding(place, "keras-code", wrong)
        for key in _JSONPICKLE:
            if key in node and key != "py/ref":
                said = f"names what to import by {key}: {node[key]!r:.80}"
                look.finding(place, "remote-code", said)


def _objects(root: object) -> Iterator[Object]:
    waiting = [root]
    seen = 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise RecursionError
        if is_dict(one):
            yield one
            waiting.extend(it for it in one.values() if is_dict(it) or is_list(it))
        elif is_list(one):
            waiting.extend(it for it in one if is_dict(it) or is_list(it))


def _remote(node: Object, place: str, look: Look) -> None:
    for key in ("auto_map", "custom_pipelines"):
        if node.get(key):
            look.finding(
                place,
                "remote-code",
                f"has {key}, which makes a loader import code from the model",
                "Take a model whose architecture your library has, and never trust_remote_code.",
            )
    if node.get("trust_remote_code"):
        look.finding(place, "remote-code", "asks for trust_remote_code")


def _template(node: Object, place: str, look: Look) -> None:
    found = node["chat_template"]
    if isinstance(found, str):
        judge_template(found.encode("utf-8", "surrogatepass"), f"{place}!chat_template", look)
    rows = found.items() if is_dict(found) else ()
    for name, text in rows:
        if isinstance(text, str):
            judge_template(text.encode("utf-8", "replace"), f"{place}!chat_template.{name}", look)
    for number, row in enumerate(found if is_list(found) else ()):
        text = row.get("template") if is_dict(row) else row
        if isinstance(text, str):
            judge_template(text.encode("utf-8", "replace"), f"{place}!chat_template.{number}", look)


def _target(node: Object, place: str, look: Look) -> None:
    target = node["_target_"]
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        look.finding(place, "remote-code", f"names what to call by _target_: {target!r:.80}")


def _weight_map(node: Object, place: str, look: Look) -> None:
    rows = node["weight_map"]
    if is_dict(rows):
        for name in {str(it) for it in rows.values()}:
            wrong = wrong_name(name)
            if wrong:
                look.finding(place, "path", f"names a file that {wrong}")
                return


def _class_name(node: Object, place: str, look: Look) -> None:
    """A pipeline of diffusers: [library, class], where a library of one's own is code."""
    libraries = ("diffusers", "transformers", "onnxruntime.training", "flax", None)
    for key, row in node.items():
        if key == "_class_name" and is_list(row):
            look.finding(place, "remote-code", f"names a pipeline of its own: {row!r:.80}")
        elif is_list(row) and len(row) == 2 and not key.startswith("_"):
            library, kind = row
            named = isinstance(library, str) and library not in libraries
            if named and isinstance(kind, str) and kind[:1].isupper():
                look.finding(place, "remote-code", f"names {library}.{kind} to import")


def _module(node: Object, place: str, look: Look) -> None:
    """A module of sentence-transformers is imported by its type."""
    kind = node["type"]
    if "path" in node and "idx" in node and isinstance(kind, str):
        if not kind.startswith("sentence_transformers."):
            look.finding(place, "remote-code", f"names {kind} to import")
        wrong = wrong_name(str(node["path"]) or ".")
        if wrong:
            look.finding(place, "path", f"names a file that {wrong}")


def _mapping(node: Object, place: str, look: Look) -> None:
    found = node["auto_mapping"]
    library = found.get("parent_library") if is_dict(found) else None
    if isinstance(library, str) and not library.startswith(("transformers.", "diffusers.")):
        look.finding(place, "remote-code", f"names the library {library} to import")


def _skops(node: Object, place: str, look: Look) -> None:
    module, kind = node.get("__module__"), node.get("__class__")
    loader = node["__loader__"]
    name = Name(str(module), str(kind))
    if loader not in _SKOPS_LOADERS:
        look.finding(place, "remote-code", f"asks for the loader {loader} of {name}")
    elif name.module not in ("builtins", "numpy") and use_of(name, look.rules.globals) is None:
        look.finding(place, "remote-code", f"names {name}, which is not among the allowed globals")
    elif name.module == "builtins" and name.name in ("eval", "exec", "getattr", "open", "compile"):
        look.finding(place, "remote-code", f"names {name}")


_CHECKS: dict[str, Callable[[Object, str, Look], None]] = {
    "auto_map": _remote,
    "custom_pipelines": _remote,
    "trust_remote_code": _remote,
    "chat_template": _template,
    "_target_": _target,
    "weight_map": _weight_map,
    "_class_name": _class_name,
    "type": _module,
    "auto_mapping": _mapping,
    "__loader__": _skops,
}
