"""Messages, as one of the dialects."""

from typing import Final

from tollway.dialects.anthropic.answering import read_answer, write_answer
from tollway.dialects.anthropic.errors import write_error
from tollway.dialects.anthropic.reading import read_ask
from tollway.dialects.anthropic.speaking import MessagesWriter
from tollway.dialects.anthropic.streaming import MessagesReader
from tollway.dialects.anthropic.writing import write_ask
from tollway.dialects.forms import Form

FORM: Final = Form(
    read_ask=read_ask,
    write_ask=write_ask,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=MessagesReader,
    writer=MessagesWriter,
    write_error=write_error,
)
