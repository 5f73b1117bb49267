"""The Responses dialect, whole."""

from typing import Final

from tollway.dialects.forms import Form
from tollway.dialects.responses.answering import read_answer, write_answer
from tollway.dialects.responses.asking import read_ask
from tollway.dialects.responses.reading import ResponsesReader
from tollway.dialects.responses.refusing import write_error
from tollway.dialects.responses.sending import write_ask
from tollway.dialects.responses.streaming import ResponsesWriter

FORM: Final = Form(
    read_ask=read_ask,
    write_ask=write_ask,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=ResponsesReader,
    writer=ResponsesWriter,
    write_error=write_error,
)
