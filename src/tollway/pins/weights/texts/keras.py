"""Objects in a Keras configuration: which classes and functions it would import.

Rules
1. A Lambda, and a layer that wraps another framework's code, is a finding.
2. A module outside Keras's own layers, losses and the like is a finding, and so is an object that
   is registered under a name of its own.
3. A layer that would read a file or a URL named in the configuration is a finding.
Source: keras/src/saving/serialization_lib.py (3.11); CVE-2025-1550, -8747, -9905, -9906, -12058.
"""

import builtins
from collections.abc import Mapping

from tollway.pins.weights.kinds import is_dict

_CODE = frozenset(
    {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__"}
)
_ROOMS = (
    *("activations", "constraints", "dtype_policies", "initializers", "layers", "losses"),
    *("metrics", "mixed_precision", "models", "optimizers", "quantizers", "random"),
    *("regularizers", "backend.common.keras_tensor", "engine", "feature_extraction", "legacy"),
    *("preprocessing", "wrappers"),
)
_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
_ROOTS = ("keras", "keras.src", "tf_keras", "tf_keras.src", "tensorflow.keras", "keras.api")
_BARE = ("keras", "keras.src", "tf_keras")
_PLAIN = frozenset({"float32", "float64", "int32", "int64", "bfloat16", "float16", "bool"})


def wrong_object(node: Mapping[str, object]) -> str | None:
    """What is wrong with an object that a configuration names; None where it is Keras's own."""
    kind = node.get("class_name")
    if not isinstance(kind, str):
        return None
    config = node.get("config")
    last = kind.rpartition(">")[2]
    if last in _CODE or kind.endswith("Lambda"):
        return f"has a {kind} layer, which is code"
    if ">" in kind:
        return f"names the custom object {kind}"
    wrong = _module(node.get("module"), kind, config)
    if wrong:
        return wrong
    registered = node.get("registered_name")
    if isinstance(registered, str) and registered not in (kind, "function", config, ""):
        return f"names the registered object {registered}"
    return _files(kind, config)


def _module(module: object, kind: str, config: object) -> str | None:
    if module is None:
        return None
    if not isinstance(module, str):
        return "names a module that is no text"
    if module == "builtins":
        name = config if kind == "function" else kind
        if not isinstance(name, str) or (hasattr(builtins, name) and kind == "function"):
            return f"names builtins.{name}"
        return None if kind in ("function", "__tuple__", *_PLAIN) else f"names builtins.{kind}"
    function = kind == "function"
    if not (function or kind[:1].isupper()):
        return f"names {module}.{kind}"
    if module in _BARE:
        return None if not function else f"names {module}.{config}"
    for root in _ROOTS:
        rest = module.removeprefix(f"{root}.")
        rooms = _FUNCTIONS if function else _ROOMS
        if rest != module and any(rest == it or rest.startswith(f"{it}.") for it in rooms):
            return None
    return f"names {module}.{kind}, which is not Keras's own"


def _files(kind: str, config: object) -> str | None:
    if kind not in ("StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"):
        return None
    if is_dict(config) and isinstance(config.get("vocabulary"), str):
        return f"has a {kind} that reads the file {config['vocabulary']}"
    return None
