"""Which provider a source is, in the words of OpenTelemetry's conventions.

Source: https://github.com/open-telemetry/semantic-conventions-genai (registry of
`gen_ai.provider.name`).
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tollway.fleet.objects import Source

_BY_HOST = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
}
_BY_VENDOR = {
    "aws": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A source, as it is told of."""

    provider: str
    address: str
    port: int


def place_of(source: Source) -> Place:
    """Where a source is, and whose: by its host, else by its `vendor`, else by its own name."""
    url = urlsplit(source.base_url)
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    for known, provider in _BY_HOST.items():
        # Vertex AI has its region before a dash, not before a dot.
        if host == known or host.endswith((f".{known}", f"-{known}")):
            return Place(provider, host, port)
    vendor = (source.vendor or source.name).lower()
    return Place(_BY_VENDOR.get(vendor, vendor), host, port)
