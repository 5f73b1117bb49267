"""Say whether a model's files may be loaded."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound

if TYPE_CHECKING:
    from tollway.pins.finding import Findings

_NO_FLAG = Parameter(negative="")
_LIST = Parameter(negative="", consume_multiple=False)


def weights(
    *paths: Path,
    allow_format: Annotated[tuple[str, ...], _LIST] = (),
    allow_global: Annotated[tuple[str, ...], _LIST] = (),
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say whether a model's files may be loaded: by structure, default-deny.

    Exit code 0: they may. 1: findings. 3: some were not audited. Nothing is loaded or run. Allowed
    are safetensors, GGUF, plain numpy arrays and plain data (text, JSON, YAML, templates, images);
    everything else is denied by its structure, whatever it is called, and what is in archives is
    looked at too.

    Parameters
    ----------
    paths
        Files or folders of models.
    allow_format
        Allow one more format: pickle (also torch, joblib, pandas), keras, onnx, savedmodel,
        tflite, torchscript, nemo, coreml, openvino, skops. Repeat it for several.
    allow_global
        Allow a pickle to name one more global, as module.name. Repeat it for several.
    json
        Print the findings as JSON.
    """
    if not paths:
        raise FaultsFound([Fault("PATH", "is missing", "Name a model's files or folder.")])
    from tollway.inspect.weights import examine
    from tollway.pins.finding import together

    formats = tuple(word for it in allow_format for word in it.split(",") if word)
    looks = [
        examine(path, formats=formats, globals=allow_global, name=path.name or str(path))
        for path in paths
    ]
    whole = together(looks)
    if json:
        _print_json(whole)
    else:
        _print(whole)
    return whole.exit_code


def _print(whole: "Findings") -> None:
    for it in whole.found:
        sys.stdout.write(f"{it.place or it.component}: {it.problem} [{it.rule}]\n    {it.mend}\n")
    for it in whole.unaudited:
        sys.stdout.write(f"{it.what}: NOT AUDITED: {it.why}\n")
    words = f"{len(whole.found)} findings, {len(whole.unaudited)} not audited"
    clean = whole.exit_code == 0
    sys.stderr.write(f"{whole.looked} looked at: {'nothing found' if clean else words}\n")


def _print_json(whole: "Findings") -> None:
    import msgspec

    facts = {
        "exit_code": whole.exit_code,
        "looked": whole.looked,
        "findings": list(whole.found),
        "unaudited": list(whole.unaudited),
    }
    text = msgspec.json.format(msgspec.json.encode(facts), indent=2)
    sys.stdout.write(text.decode() + "\n")
