"""What a sandbox's programs find: the addresses of the exits, and the variables that name them.

Rules
1. A key that a variable holds is a placeholder: who asks is told by the channel.
2. Programs that ignore these variables reach nothing: they fail closed.
"""

from collections.abc import Mapping

from tollway.egress.environment import environment as proxied
from tollway.index.environment import environment as packages
from tollway.sandbox.order import GIVEN

MODELS = 8400
PROXY = 3128
TOOLS = 8401
INDEX = 8402
EXIT_NAMES: Mapping[int, str] = {MODELS: "models", PROXY: "egress", TOOLS: "tools", INDEX: "index"}

HOME = "/home/agent"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
CA_NAME = "ca.pem"
PLACEHOLDER = "sk-tollway-the-channel-is-the-key"
"""Clients of models insist on a key; this one is worth nothing anywhere."""

_BASE_URLS = {
    "OPENAI_BASE_URL": "/v1",
    "OPENAI_API_BASE": "/v1",
    "ANTHROPIC_BASE_URL": "",
    "GOOGLE_GEMINI_BASE_URL": "",
    "GEMINI_BASE_URL": "",
}
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


def environment(task: str, *, egress: bool, tools: bool, index: bool = False) -> dict[str, str]:
    """The variables of a task's programs, beside its sentinels. `egress`, `tools` and `index` say
    which exits there are beside models."""
    models = f"http://127.0.0.1:{MODELS}"
    found = {
        "PATH": PATH,
        "HOME": HOME,
        "USER": "agent",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own
        "TOLLWAY_TASK": task,
        **{name: models + path for name, path in _BASE_URLS.items()},
        **dict.fromkeys(_KEYS, PLACEHOLDER),
    }
    if egress:
        here = "127.0.0.1,localhost"
        found |= proxied(f"http://127.0.0.1:{PROXY}", f"{GIVEN}/{CA_NAME}")
        found |= {"NO_PROXY": here, "no_proxy": here}
    if tools:
        found["TOLLWAY_MCP_URL"] = f"http://127.0.0.1:{TOOLS}/mcp"
    if index:
        found |= packages(f"http://127.0.0.1:{INDEX}")
    return found
