"""The dialects of the scripted sources, by name."""

from transcripts import Wire
from wire_anthropic import ANTHROPIC
from wire_gemini import GEMINI
from wire_openai import OPENAI
from wire_responses import RESPONSES

WIRES: dict[str, Wire] = {wire.name: wire for wire in (OPENAI, RESPONSES, ANTHROPIC, GEMINI)}
