"""Prompts of an exact length, no two of which begin alike.

Rules
1. A prompt of n tokens is n words; each word is one token in OpenAI's vocabularies (cl100k, o200k),
   with or without the blank before it, and the gateway's estimate of four bytes a token is right.
2. The first four words of a prompt are its number, so prompt caches find nothing to share.
"""

from random import Random

_TEXT = """
ace act add age aid aim air all and ant any ape apt arc are ark arm art ash ask ate axe bad bag
ban bar bat bay bed bee beg bet bid big bin bit bow box boy bud bug bus but buy cab can cap car cat
cop cow cry cup cut dad day den did dig dim dog dot dry due ear eat egg ego elf elm end era eve
eye fan far fat fax fed fee few fig fin fit fix fly for fox fun fur gap gas gem get got had ham has
hat hay hen her hey him hip his hit hop hot how hub ice ill ink inn ion its jam jar jaw jet job joy
key kid kin kit lab lad lap law lay leg let lid lie lip lit log lot low mad man map mat may men met
mix mob mom nap net new nod nor not now nut odd off oil old one orb ore our out owl own pad pan par
pat pay pen per pet pie pig pin pit pop pot pro pub put rag ram ran rap rat raw ray red rib rid rim
rip rob rod row rub rug run sad say sea see set she sin sip sit six ski sky son spa spy sum sun tag
tan tap tar tax tea ten the tie tin tip ton too top toy try two use van vet via was way web who why
wig win wit won yes yet you zip
"""

WORDS = _TEXT.split()
"""256 words, so that a byte names one."""

HEAD_WORDS = 4
TAPE_WORDS = 1 << 15
WORD_BYTES = 4
"""Three letters and a blank."""


class Prompts:
    """Prompts of one replay. The same seed gives the same prompts."""

    def __init__(self, seed: int | str) -> None:
        draw = Random(seed)  # noqa: S311 - filler text, not a secret
        words = draw.choices(WORDS, k=TAPE_WORDS)
        self._tape = "".join(f"{word} " for word in words)
        self._offset = draw.getrandbits(32)

    def prompt(self, index: int, tokens: int) -> str:
        """`tokens` words. `index` is the request's number in the replay."""
        number = (index + self._offset) % (1 << 32)
        head = [WORDS[byte] for byte in number.to_bytes(HEAD_WORDS, "little")][:tokens]
        body = tokens - len(head)
        # A multiplier that is odd visits every place of the tape before one comes again.
        place = (number * 7919) % TAPE_WORDS
        text = self._tape[place * WORD_BYTES : (place + body) * WORD_BYTES]
        while len(text) < body * WORD_BYTES:
            text += self._tape[: body * WORD_BYTES - len(text)]
        return f"{' '.join(head)} {text}".rstrip()
