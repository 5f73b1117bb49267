"""The oracle of the replica: every step, every token and every block one by one."""

from dataclasses import dataclass, field

from tollway.simulator.sequence import ReplicaSettings

BLOCK = 16


@dataclass(eq=False)
class One:
    name: int
    prompt: int
    output: int
    prefix: tuple[int, ...]
    generated: int = 0
    units: int = 0  # decode units since the last prompt was computed
    first_units: int = 0  # generated at that moment
    computed: int = 0
    target: int = 0  # tokens to compute before it decodes
    held: int = 0  # private blocks
    shared: list[int] = field(default_factory=list)
    decoding: bool = False
    gone: bool = False


class Stepwise:
    """`events` is (at, kind, name); drive with `until`, `arrive`, `cancel`."""

    def __init__(self, settings: ReplicaSettings) -> None:
        self.s = settings
        self.running: list[One] = []
        self.waiting: list[One] = []
        self.leaving: list[One] = []
        self.everyone: dict[int, One] = {}
        self.end: int | None = None
        self.start = 0
        self.work: list[tuple[One, int]] = []
        self.decodes: list[One] = []
        self.events: list[tuple[int, int, int]] = []
        self.holders: dict[int, int] = {}
        self.lru: list[int] = []
        self.preempted = 0
        self.steps = 0
        self.peak = 0
        self.cached_tokens = 0

    # blocks

    @property
    def per_hash(self) -> int:
        return self.s.hashed // BLOCK

    def used(self) -> int:
        held = sum(1 for count in self.holders.values() if count)
        return sum(one.held for one in self.running) + held * self.per_hash

    def free(self) -> int:
        return self.s.blocks - self.used()

    def fit(self) -> None:
        own = sum(one.held for one in self.running)
        while own + len(self.holders) * self.per_hash > self.s.blocks:
            del self.holders[self.lru.pop(0)]

    def let_go(self, one: One, computed: int) -> None:
        for block in reversed(one.shared[computed:]):
            del self.holders[block]  # never computed
        shared = one.shared[:computed]
        extra: list[int] = []
        for block in one.prefix[len(one.shared) : computed]:
            if block in self.holders:
                break
            self.holders[block] = 1
            extra.append(block)
        for block in reversed(shared + extra):
            self.holders[block] -= 1
            if not self.holders[block]:
                self.lru.append(block)
        one.shared = []
        one.held = 0

    def drop(self, one: One) -> None:
        self.running.remove(one)
        held = self.tokens(one)
        computed = min(held // self.s.hashed, len(one.prefix)) if self.s.caching else 0
        self.let_go(one, computed)

    def tokens(self, one: One) -> int:
        """Tokens in the cache."""
        if one.decoding:
            return one.target + one.units // self.s.steps.unit
        return one.computed

    def need(self, one: One) -> int:
        """Blocks that its next decode step takes."""
        if self.s.reserve:
            return 0
        after = one.target + (one.units + self.s.steps.gain) // self.s.steps.unit
        return -(-after // BLOCK) - one.held - len(one.shared) * self.per_hash

    # steps

    def plan(self, at: int) -> None:
        s = self.s
        sent_away = False
        # Whoever is sent away goes before anybody is given a block.
        while sum(self.need(one) for one in self.running if one.decoding) > self.free():
            victim = self.running[-1]
            self.drop(victim)
            victim.decoding, victim.units, victim.computed = False, 0, 0
            self.waiting.insert(0, victim)
            self.preempted += 1
            sent_away = True
        for one in self.running:
            if one.decoding:
                one.held += self.need(one)
                self.fit()
        self.decodes = [one for one in self.running if one.decoding]
        self.work = []
        if not sent_away:
            self.fill()
        if s.mixing == "apart" and self.work:
            # They do not move: what they were given for this step they keep for the next.
            self.decodes = []
        if not self.decodes and not self.work:
            self.end = None
            return
        self.start = at
        context = sum((one.target + 1) * s.steps.unit + one.units for one in self.decodes)
        if self.work:
            pairs = sum(t * (2 * one.computed + t + 1) for one, t in self.work)
            seen = sum(one.computed + t for one, t in self.work)
            tokens = sum(t for _, t in self.work)
            prompt = (len(self.work), tokens, pairs, seen)
            self.end = at + s.steps.mixed(len(self.decodes), context, prompt)
        else:
            self.end = at + s.steps.run(1, len(self.decodes), context)

    def fill(self) -> None:
        s = self.s
        room = s.batch_tokens
        if s.mixing != "apart":
            room -= len(self.decodes) * s.rows
        for one in self.running:
            if not one.decoding:
                assert one is self.running[-1]
                room -= self.chunk(one, room)
        while room > 0:
            if not self.waiting or len(self.running) >= s.sequences:
                return
            one = self.waiting[0]
            if not self.admit(one, room):
                return
            room -= self.chunk(one, room)

    def chunk(self, one: One, room: int) -> int:
        left = one.target - one.computed
        tokens = left if self.s.mixing == "whole" else min(left, room)
        if tokens > 0:
            self.work.append((one, tokens))
        return max(tokens, 0)

    def admit(self, one: One, room: int) -> bool:
        s = self.s
        known = one.prompt + one.generated
        total = -(-(one.prompt + one.output if s.reserve else known) // BLOCK)
        full = min(len(one.prefix), known // s.hashed) if s.caching else 0
        found = 0
        while found < full and one.prefix[found] in self.holders:
            found += 1
        hits = min(found, (known - 1) // s.hashed)
        keep = list(one.prefix[:hits] if hits < found else one.prefix[:full])
        if s.mixing == "whole" and self.work and known - hits * s.hashed > room:
            return False
        idle = sum(1 for block in one.prefix[:hits] if not self.holders[block])
        spare = s.blocks // 100 if self.running else 0
        if total - hits * self.per_hash + idle * self.per_hash + spare > self.free():
            return False
        self.waiting.pop(0)
        self.running.append(one)
        for block in keep:
            if block in self.lru:
                self.lru.remove(block)
            self.holders[block] = self.holders.get(block, 0) + 1
        one.shared = keep
        one.held = total - len(keep) * self.per_hash
        one.computed, one.target, one.units = hits * s.hashed, known, 0
        self.cached_tokens += one.computed
        self.fit()
        return True

    def commit(self) -> None:
        assert self.end is not None
        at = self.end
        self.steps += 1
        self.peak = max(self.peak, self.used())
        for one in self.decodes:
            one.units += self.s.steps.gain
            grown = one.units // self.s.steps.unit
            one.generated = min(one.output, one.first_units + grown)
        for one, tokens in self.work:
            one.computed += tokens
        for one in self.leaving:
            self.drop(one)
            one.gone = True
        self.leaving = []
        for one in self.decodes:
            if not one.gone and one.generated >= one.output:
                self.finish(one, at)
        for one, _ in self.work:
            if not one.gone and one.computed == one.target:
                one.generated += 1
                one.first_units = one.generated
                one.decoding = True
                if one.generated == 1:
                    self.events.append((at, 0, one.name))
                if one.generated >= one.output:
                    self.finish(one, at)

    def finish(self, one: One, at: int) -> None:
        self.drop(one)
        one.gone = True
        one.generated = one.output
        self.events.append((at, 1, one.name))

    # driving

    def until(self, now: int) -> None:
        while self.end is not None and self.end <= now:
            at = self.end
            self.commit()
            self.plan(at)
            self.check()

    def arrive(
        self, now: int, name: int, prompt: int, output: int, prefix: tuple[int, ...]
    ) -> None:
        one = One(name, prompt, output, prefix)
        self.everyone[name] = one
        self.waiting.append(one)
        if self.end is None:
            self.plan(now)
            self.check()

    def cancel(self, name: int) -> None:
        one = self.everyone[name]
        if one.gone or one in self.leaving:
            return
        if one in self.waiting:
            self.waiting.remove(one)
            one.gone = True
        else:
            self.leaving.append(one)

    def check(self) -> None:
        """What must hold after every step is decided."""
        s = self.s
        assert 0 <= self.used() <= s.blocks
        own = sum(one.held for one in self.running)
        assert own + len(self.holders) * self.per_hash <= s.blocks
        names = [one.name for one in self.running + self.waiting]
        assert names == sorted(names)
