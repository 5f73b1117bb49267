"""The Gemini dialect, whole."""

from typing import Final

from tollway.dialects.forms import Form
from tollway.dialects.gemini.answering import read_answer, write_answer
from tollway.dialects.gemini.asking import read_ask
from tollway.dialects.gemini.reading import GeminiReader
from tollway.dialects.gemini.refusing import write_error
from tollway.dialects.gemini.sending import write_ask
from tollway.dialects.gemini.streaming import GeminiWriter

FORM: Final = Form(
    read_ask=read_ask,
    write_ask=write_ask,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=GeminiReader,
    writer=GeminiWriter,
    write_error=write_error,
)
