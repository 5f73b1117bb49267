"""A fleet and its lock, with something of every kind in both."""

from datetime import UTC, date, datetime

from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.pins.component import (
    Artifact,
    Component,
    Image,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    PinnedTool,
    Prompt,
    Publisher,
    PypiPackage,
    Runtime,
    Weights,
)
from tollway.pins.lock import Lock

SHA = "sha256:" + "ab" * 32
FILE = PinnedFile(path="prompts/system.md", digest=SHA, size=5)
UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)

TEXT = """
version = 1
[models."llama-3.3-70b"]
[models."gpt-5-2025-08-07"]
[models."claude-sonnet-4-5"]
[credentials]
openai = "env:OPENAI_API_KEY"
anthropic = "env:ANTHROPIC_API_KEY"
mail = "env:MAIL_TOKEN"
[tenants.product]
budget = { day = "200" }
limits = { requests_per_minute = 600 }
[tenants.agents]
limits = { concurrency = 20 }
[sources.openai]
kind = "api"
vendor = "OpenAI"
region = "us-east"
url = "https://api.openai.com/v1"
credential = "openai"
serves."gpt-5-2025-08-07" = {}
[sources.anthropic]
kind = "api"
vendor = "Anthropic"
region = "us-west"
url = "https://api.anthropic.com/v1"
credential = "anthropic"
serves."claude-sonnet-4-5" = {}
[sources.own]
kind = "server"
url = "http://127.0.0.1:8000/v1"
labels = ["on-prem"]
chip = "h100"
tp = 8
serves."llama-3.3-70b" = { precision = "fp8", context = 131072 }
[routes.chat]
model = "gpt-5-2025-08-07"
candidates = ["openai"]
fallbacks = ["anthropic:claude-sonnet-4-5", "own:llama-3.3-70b"]
[routes.private]
model = "llama-3.3-70b"
candidates = ["own"]
require = { precision = ["fp8"] }
[guard]
terms = ["Project Nightjar"]
[[guard.rules]]
name = "no model sees a key"
detectors = ["secret"]
direction = "out"
action = "redact"
[[guard.rules]]
name = "experiments"
detectors = ["*"]
routes = ["private"]
action = "allow"
[egress]
listen = "127.0.0.1:4001"
[[egress.allow]]
name = "read our repositories"
hosts = ["api.github.com"]
methods = ["GET"]
[[egress.allow]]
name = "<script>alert(1)</script>"
hosts = ["*"]
[secrets.github]
hosts = ["api.github.com"]
variable = "GITHUB_TOKEN"
[tools.servers.desk]
command = ["npx", "postmark-mcp"]
secrets = { TOKEN = "mail" }
tenants = ["agents"]
[tools.servers.desk.tools.send_mail]
reads = "nothing"
effect = "external"
[tools.servers.wiki]
url = "https://wiki.example/mcp"
credential = "mail"
[tools.servers.wiki.tools.search]
effect = "none"
[sandbox]
tier = "vm"
require = "vm"
"""


def fleet(text: str = TEXT) -> Fleet:
    return parse({"fleet.toml": text}, "fleet.toml")


def artifact(name: str) -> Artifact:
    return Artifact(name=name, digest=SHA, size=10, uploaded=UPLOADED)


COMPONENTS: tuple[Component, ...] = (
    ModelApi(
        name="openai/gpt-5-2025-08-07",
        version="gpt-5-2025-08-07",
        purl="pkg:generic/openai/gpt-5-2025-08-07",
        source="openai",
        vendor="OpenAI",
        shutdown=date(2026, 12, 11),
        fallback="model-api:anthropic/claude-sonnet-4-5",
    ),
    ModelApi(
        name="anthropic/claude-sonnet-4-5",
        version="claude-sonnet-4-5",
        purl="pkg:generic/anthropic/claude-sonnet-4-5",
        source="anthropic",
        vendor="Anthropic",
        moving=True,
        fallback="model-api:gone/one",
    ),
    Weights(
        name="llama",
        version="3.3",
        purl="pkg:huggingface/meta/llama@3.3",
        files=(PinnedFile(path="a.safetensors", digest=SHA, size=5),),
        formats=("safetensors",),
    ),
    PypiPackage(
        name="litellm",
        version="1.82.8",
        purl="pkg:pypi/litellm@1.82.8",
        artifacts=(artifact("litellm.whl"),),
        direct=True,
        index="https://index.example/simple",
        startup=("litellm_init.pth",),
        scripts=(),
        dependencies=("httpx",),
    ),
    PypiPackage(
        name="httpx",
        version="0.28",
        purl="pkg:pypi/httpx@0.28",
        artifacts=(artifact("httpx.whl"),),
        index="https://index.example/simple",
    ),
    NpmPackage(
        name="postmark-mcp@1.0.15",
        version="1.0.15",
        purl="pkg:npm/postmark-mcp@1.0.15",
        artifacts=(artifact("postmark-mcp.tgz"),),
        startup=(),
        scripts=(),
        publishers=(Publisher(kind="npm-user", identity="phanpak"),),
    ),
    Prompt(name="prompts/system.md", purl="pkg:generic/prompts/system.md", file=FILE),
    McpServer(
        name="desk",
        purl="pkg:npm/postmark-mcp@1.0.15",
        runs=("npx", "postmark-mcp"),
        package="npm:postmark-mcp@1.0.15",
        tools=(PinnedTool(name="send_mail", description=SHA, schema=SHA),),
    ),
    Runtime(name="vllm", version="0.12.0", purl="pkg:generic/vllm@0.12.0"),
    Image(name="vllm/vllm-openai", purl="pkg:oci/vllm-openai", digest=SHA),
)
LOCK = Lock(component=COMPONENTS)
