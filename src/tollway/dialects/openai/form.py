"""Chat Completions, as one of the dialects."""

from typing import Final

from tollway.dialects.forms import Form
from tollway.dialects.openai.answering import read_answer, write_answer
from tollway.dialects.openai.errors import write_error
from tollway.dialects.openai.reading import read_ask
from tollway.dialects.openai.speaking import ChatWriter
from tollway.dialects.openai.streaming import ChatReader
from tollway.dialects.openai.writing import write_ask

FORM: Final = Form(
    read_ask=read_ask,
    write_ask=write_ask,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=ChatReader,
    writer=ChatWriter,
    write_error=write_error,
)
