"""A fault says where, what and how to mend it, on one line."""

from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean, unknown


def test_a_fault_is_place_problem_mend() -> None:
    fault = Fault("fleet.toml: sources.pool.tp", "is 0", "It must be at least 1.")
    assert str(fault) == "fleet.toml: sources.pool.tp is 0. It must be at least 1."
    assert str(Fault("fleet.toml", "is empty.", "Write it.")) == "fleet.toml is empty. Write it."
    assert str(Fault("fleet.toml", "is empty")) == "fleet.toml is empty"


def test_an_unknown_word_names_the_known_ones_and_the_likely_one() -> None:
    fault = unknown("h10", ["h200", "h100"], "fleet.toml: sources.pool.chip")
    assert str(fault) == (
        'fleet.toml: sources.pool.chip is "h10"; known: h100, h200. Did you mean "h100"?'
    )


def test_a_word_like_no_other_gets_no_guess() -> None:
    assert did_you_mean("zebra", ["h100", "h200"]) == ""
    assert str(unknown("zebra", ["h100"], "x")) == 'x is "zebra"; known: h100'
    assert str(unknown("zebra", [], "x")) == 'x is "zebra"; known: none'


def test_a_long_list_of_known_words_is_cut() -> None:
    words = [f"w{number:02}" for number in range(15)]
    assert str(unknown("zebra", words, "x")).endswith(", w11 and 3 more")


def test_an_unknown_word_cannot_break_the_line_or_command_the_terminal() -> None:
    fault = unknown("\x1b[2Jh100\n", ["h100"], "x")
    assert str(fault) == 'x is "\\x1b[2Jh100\\n"; known: h100. Did you mean "h100"?'
    assert len(str(unknown("x" * 1000, ["h100"], "x"))) < 100


def test_found_faults_are_words_for_the_user_one_a_line() -> None:
    found = FaultsFound([Fault("a", "is 1", "Write 2."), Fault("b", "is 3")])
    assert isinstance(found, TollwayError)
    assert str(found) == "a is 1. Write 2.\nb is 3"
    assert [fault.place for fault in found.faults] == ["a", "b"]
