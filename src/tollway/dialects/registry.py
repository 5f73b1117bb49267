"""Every dialect's form by its name."""

from collections.abc import Mapping
from typing import Final

from tollway.dialects.anthropic import form as anthropic
from tollway.dialects.forms import Form
from tollway.dialects.gemini import form as gemini
from tollway.dialects.openai import form as openai
from tollway.dialects.responses import form as responses
from tollway.fleet.objects import Dialect

FORMS: Final[Mapping[Dialect, Form]] = {
    "openai": openai.FORM,
    "responses": responses.FORM,
    "anthropic": anthropic.FORM,
    "gemini": gemini.FORM,
}
