"""Interprets a pickle, opcode by opcode, to its STOP or to where it breaks."""

from collections.abc import Callable

from tollway.pins.weights.pickles.machine import Machine
from tollway.pins.weights.pickles.opcodes import Broken, argument_readers
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.steps import STEPS
from tollway.pins.weights.pickles.values import Made
from tollway.pins.weights.reader import Cursor

MOST_STACK = 4_000_000


def interpret(
    cursor: Cursor,
    more: frozenset[str] = frozenset(),
    limit: int = 1 << 62,
    on_build: Callable[[Made, Cursor, Run], None] | None = None,
) -> Run:
    """To STOP, to what is no pickle, or to `limit` opcodes. `more` are globals that the user
    allows; `on_build` is told of each object that got a state: joblib's arrays lie there."""
    machine = Machine(cursor, more, on_build)
    out, stack = machine.out, machine.stack
    readers = argument_readers()
    steps = STEPS
    try:
        while True:
            machine.at = cursor.position
            code = cursor.take(1)[0]
            reader = readers[code]
            if reader is None:
                raise Broken(f"byte {code:#04x} is no opcode")
            argument = reader(cursor)
            out.opcodes += 1
            if out.opcodes > limit:
                out.ended, out.why = "limit", "it has too many opcodes"
                break
            step = steps[code]
            if step is None:
                stack.append(argument)
            elif code == 0x2E:  # STOP
                out.value = machine.pop()
                out.ended = "stop"
                break
            else:
                step(machine, argument)
            if len(stack) > MOST_STACK:
                out.ended, out.why = "limit", "its stack is too high"
                break
    except EOFError:
        out.why = "the file ends within it"
    except (Broken, ValueError, IndexError, OverflowError) as error:
        out.why = f"{error} (at byte {machine.at:,})" if str(error) else f"at byte {machine.at:,}"
    out.end = cursor.position
    return out
