"""What `tollway init` composes is a sound fleet."""

from datetime import date
from itertools import combinations

from tollway.fleet.cautions import cautions
from tollway.fleet.objects import Candidate
from tollway.fleet.parse import parse
from tollway.inspect.firstfile import OwnServer, first_file
from tollway.inspect.providers import provider_table

TODAY = date(2026, 11, 22)
SERVER = OwnServer("http://127.0.0.1:8000/v1", "local")


def test_every_choice_of_providers_is_sound_and_surprises_with_nothing() -> None:
    table = provider_table()
    choices = [
        table.providers,
        *combinations(table.providers, 1),
        *combinations(table.providers, 2),
    ]
    for chosen in choices:
        for server in (None, SERVER):
            text = first_file(chosen, server, table.taken, TODAY)
            fleet = parse({"fleet.toml": text}, "fleet.toml")
            assert list(cautions(fleet, TODAY)) == []
            assert len(fleet.sources) == len(chosen) + (server is not None)


def test_one_model_of_several_providers_is_one_route() -> None:
    table = provider_table()
    chosen = [it for it in table.providers if it.name in ("groq", "together")]
    fleet = parse({"f": first_file(chosen, None, table.taken, TODAY)}, "f")
    assert fleet.routes["llama-3.3-70b"].candidates == (
        Candidate("groq", "llama-3.3-70b"),
        Candidate("together", "llama-3.3-70b"),
    )


def test_an_engine_of_ones_own_comes_first() -> None:
    table = provider_table()
    fleet = parse({"f": first_file(table.providers[:1], SERVER, table.taken, TODAY)}, "f")
    chat = fleet.routes["chat"]
    assert chat.candidates == (Candidate("server", "local"),)
    assert [it.source for it in chat.fallbacks] == ["openai"]
