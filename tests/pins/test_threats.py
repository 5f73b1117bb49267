"""Which threats a component is open to."""

from textwrap import fill

from inline_snapshot import snapshot

from tollway.catalog.threats import threats
from tollway.pins.component import (
    KINDS,
    Component,
    Image,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    Prompt,
    PypiPackage,
    Runtime,
    Weights,
)
from tollway.pins.threats import RULES, reasons_of, threats_of

SHA = "sha256:" + "a" * 64
FILE = PinnedFile(path="f", digest=SHA, size=1)

ALL: tuple[Component, ...] = (
    ModelApi(name="s/m", purl="pkg:generic/m", source="s"),
    Weights(name="w", purl="pkg:huggingface/a/w", files=(FILE,), formats=("safetensors",)),
    PypiPackage(name="p", purl="pkg:pypi/p@1", artifacts=(), startup=(), scripts=()),
    NpmPackage(name="n@1", purl="pkg:npm/n@1", artifacts=(), startup=(), scripts=()),
    Prompt(name="t", purl="pkg:generic/t", file=FILE),
    McpServer(name="f", purl="pkg:generic/f", runs=("npx", "files")),
    Runtime(name="python", purl="pkg:generic/python@3.12"),
    Image(name="i", purl="pkg:oci/i", digest=SHA),
)


def test_every_kind_of_component_is_open_to_something() -> None:
    assert [it.kind for it in ALL] == list(KINDS)
    told = [f"{it.kind}: {' '.join(threats_of(it))}" for it in ALL]
    wrapped = [fill(it, 92, subsequent_indent="    ") for it in told]
    assert "\n".join(wrapped) == snapshot("""\
model-api: LLM01 LLM02 LLM03 LLM09 LLM10 ASI08 AML.T0010.003 AML.T0029 AML.T0034 AML.T0051
    AML.T0054 AML.T0057
weights: LLM03 LLM04 ASI04 AML.T0010.003 AML.T0018.000 AML.T0058
pypi: LLM03 ASI04 AML.T0010.001 AML.T0011.001 AML.T0109 AML.T0111
npm: LLM03 ASI04 AML.T0010.001 AML.T0011.001 AML.T0109 AML.T0111
prompt: LLM01 LLM07 ASI01 AML.T0056 AML.T0069.002 AML.T0081
mcp: LLM01 LLM03 LLM06 ASI01 ASI02 ASI03 ASI04 ASI05 AML.T0010.005 AML.T0011.002 AML.T0050
    AML.T0051.001 AML.T0053 AML.T0086 AML.T0098 AML.T0099 AML.T0101 AML.T0109 AML.T0110
runtime: LLM03 ASI04 AML.T0010.001
image: LLM03 ASI04 AML.T0010.004 AML.T0105\
""")


def test_every_rule_names_known_threats_and_its_reason() -> None:
    for rule in RULES:
        assert set(rule.ids) <= set(threats())
        assert set(rule.kinds) <= set(KINDS)
        assert rule.reason
        assert not rule.reason.endswith(".")


def test_ids_come_once_and_in_the_order_of_the_frameworks() -> None:
    order = list(threats())
    for component in ALL:
        ids = threats_of(component)
        assert list(ids) == sorted(set(ids), key=order.index)
        assert list(reasons_of(component)) == list(ids)


def test_weights_whose_loading_may_run_code_say_so() -> None:
    def weights(*formats: str, allowed: tuple[str, ...] = ()) -> Weights:
        return Weights(
            name="w", purl="pkg:generic/w", files=(FILE,), formats=formats, globals=allowed
        )

    assert "AML.T0011.000" not in threats_of(weights("safetensors", "json"))
    assert "AML.T0011.000" in threats_of(weights("safetensors", "pickle"))
    assert "AML.T0011.000" in threats_of(weights("gguf", allowed=("numpy.dtype",)))


def test_a_package_that_nobody_opened_may_run_by_itself() -> None:
    opened = PypiPackage(name="p", purl="pkg:pypi/p@1", artifacts=(), startup=(), scripts=())
    closed = PypiPackage(name="p", purl="pkg:pypi/p@1", artifacts=())
    starts = PypiPackage(
        name="p", purl="pkg:pypi/p@1", artifacts=(), startup=("p.pth",), scripts=()
    )
    assert "AML.T0050" not in threats_of(opened)
    assert "AML.T0050" in threats_of(closed)
    assert "AML.T0050" in threats_of(starts)


def test_an_alias_may_be_pointed_elsewhere_and_a_snapshot_not() -> None:
    alias = ModelApi(name="s/m", purl="pkg:generic/m", source="s", moving=True)
    assert "AML.T0109" in threats_of(alias)
    assert "AML.T0109" not in threats_of(ALL[0])


def test_a_tool_server_over_a_network_is_no_program_here() -> None:
    reached = McpServer(name="f", purl="pkg:generic/f", runs=("https://tools.example/mcp",))
    assert "ASI07" in threats_of(reached)
    assert "ASI05" not in threats_of(reached)
    assert "ASI05" in threats_of(ALL[5])
