"""What the guard costs, and what it fires on in real text and code.

`python -m bench.guard [--megabytes 24] [--show 3]`. CPU is this process's own (process_time), of
each text the least of five times after a first one, since RE2 builds its automaton as it goes;
`first` is that first time. The corpus is what is installed beside this program: the standard
library's sources and the documents and sources of packages, in an order that their names fix and
that mixes them.
"""

import argparse
import json
import sysconfig
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from pathlib import Path
from random import Random
from zlib import crc32

from tollway.guard.detector import standing_detectors
from tollway.guard.finding import Finding
from tollway.guard.fingerprint import Fingerprints, fingerprint
from tollway.guard.joining import Joining
from tollway.guard.memory import Memory
from tollway.guard.scanner import Scanner
from tollway.guard.stream import Hold, StreamScanner

SUFFIXES = (".py", ".pyi", ".rst", ".txt", ".md", ".json", ".toml", ".h")
PIECE = 100_000
NOT_PROSE = (b"  ", b"=", b"(", b"_", b"\\", b"@", b"`", b"|", b"{", b"%", b"&")


def corpus(size: int) -> list[tuple[Path, bytes]]:
    """Files of up to `size` bytes together: a fifth standard library, the rest packages."""
    chosen: list[tuple[Path, bytes]] = []
    library, packages = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
    for folder, share in ((library, size // 5), (packages, size - size // 5)):
        left = share
        for path in sorted(Path(folder).rglob("*"), key=_mixed):
            inside = "site-packages" in path.relative_to(folder).parts
            if path.suffix not in SUFFIXES or inside or not path.is_file():
                continue
            data = path.read_bytes()
            chosen.append((path, data))
            left -= len(data)
            if left < 0:
                break
    return chosen


def _mixed(path: Path) -> tuple[int, str]:
    return crc32(path.name.encode()), str(path)


def cost(scan: Callable[[bytes], object], texts: Iterable[bytes]) -> tuple[float, float]:
    """CPU seconds a megabyte: the first time, and the least of five more."""
    texts = list(texts)
    size = sum(map(len, texts)) / 1e6
    first = sum(_once(scan, text) for text in texts) / size
    return first, sum(min(_once(scan, text) for _ in range(5)) for text in texts) / size


def _once(scan: Callable[[bytes], object], text: bytes) -> float:
    start = time.process_time()
    scan(text)
    return time.process_time() - start


def pieces(data: bytes) -> list[bytes]:
    """A text in pieces of a large prompt's size."""
    return [data[at : at + PIECE] for at in range(0, len(data) - PIECE, PIECE)]


def prose(files: list[tuple[Path, bytes]]) -> bytes:
    """Clean English prose out of documents: lines of words in ASCII, repeated up to 4 MB."""
    words = (data for path, data in files if path.suffix in (".rst", ".md", ".txt"))
    kept = (
        line
        for data in words
        for line in data.splitlines()
        if len(line) > 40 and line.isascii() and not any(mark in line for mark in NOT_PROSE)
    )
    text = b"\n".join(kept)
    return (text * (4_000_000 // max(len(text), 1) + 1))[:4_000_000]


def body(text: bytes, fields: int = 1) -> bytes:
    """A text as the messages of a request."""
    lines = text.decode("utf-8", "replace").split("\n")
    each = -(-len(lines) // fields)
    spoken = ["\n".join(lines[at : at + each]) for at in range(0, len(lines), each)]
    return json.dumps({"messages": [{"role": "user", "content": it} for it in spoken]}).encode()


def costs(scanner: Scanner, files: list[tuple[Path, bytes]]) -> None:
    """Print speeds, and what a prompt and a chunk cost."""
    code = pieces(b"\n".join(data for path, data in files if path.suffix == ".py"))[:60]
    text = prose(files)
    noise = [b64encode(Random(seed).randbytes(75_000)) for seed in range(5)]
    rows = {"prose": pieces(text)[:20], "Python": code, "an image in base64": noise}
    for name, texts in rows.items():
        first, later = cost(scanner.scan, texts)
        print(f"{name:<34} {1 / later:8.0f} MB/s, first {1 / first:.0f} MB/s")
        first, later = cost(scanner.scan, [body(it) for it in texts[:30]])
        print(f"{name + ', 100 KB of JSON':<34} {later * 100:8.2f} ms, first {first * 100:.2f} ms")
    streamed(scanner, text)
    remembered(rows["prose"], rows["Python"])
    documents(rows["prose"], rows["Python"])


def streamed(scanner: Scanner, text: bytes) -> None:
    """Print what a word of a stream costs."""
    words = list(islice(cycle(text.decode("utf-8", "replace").split(" ")), 20_000))
    hold, each = Hold(scanner), 0.0
    for _ in range(2):
        stream = StreamScanner(scanner, hold)
        start = time.process_time()
        for word in words:
            stream.feed(f" {word}")
        each = (time.process_time() - start) / len(words) * 1e6
    print(f"{'a streamed word':<34} {each:8.1f} us")


def remembered(*kinds: list[bytes]) -> None:
    """Print what looking for halves adds to 100 KB of JSON, by the number of its fields."""
    joining = Joining(standing_detectors())
    for fields in (1, 10, 40):
        for name, texts in zip(("prose", "Python"), kinds, strict=True):
            memory = Memory()
            bodies = [body(it, fields) for it in texts[:20]]
            _, later = cost(lambda it, memory=memory: joining.found(it, memory), bodies)
            print(f"{f'halves, {fields} fields of {name}':<34} {later * 100:8.2f} ms")


def documents(*kinds: list[bytes]) -> None:
    """Print what registered documents add, of which a text has nothing."""
    salt, draw = b"s" * 32, Random(1)
    words = [it for text in kinds[0] for it in text.split()]
    owned = [b" ".join(draw.choices(words, k=6_000)) for _ in range(6)]
    registered = Fingerprints([fingerprint(f"{at}", it, salt) for at, it in enumerate(owned)], salt)
    for name, texts in zip(("prose", "Python"), kinds, strict=True):
        _, later = cost(lambda it: list(registered.found(it)), texts[:20])
        print(f"{f'6 documents, 100 KB of {name}':<34} {later * 100:8.2f} ms")


def joints(files: list[tuple[Path, bytes]]) -> None:
    """Print what fires in halves: files as conversations of paragraphs, of one sender."""
    joining, memory = Joining(standing_detectors()), Memory()
    counts: Counter[str] = Counter()
    bodies = size = 0
    for _, data in files:
        paragraphs = [it for it in data.decode("utf-8", "replace").split("\n\n") if it.strip()]
        for at in range(0, len(paragraphs), 40):
            spoken = [{"role": "user", "content": it} for it in paragraphs[at : at + 40]]
            sent = json.dumps({"messages": spoken}).encode()
            bodies, size = bodies + 1, size + len(sent)
            counts.update({it.detector for it in joining.found(sent, memory)})
    print(f"\n{bodies:,} bodies, {size / 1e6:.1f} MB; bodies in which halves fire: {dict(counts)}")


def fires(scanner: Scanner, files: list[tuple[Path, bytes]], show: int) -> None:
    """Print what fires, by detector, with places to look at."""
    counts: Counter[str] = Counter()
    where: defaultdict[str, list[tuple[Path, Finding]]] = defaultdict(list)
    for path, data in files:
        for found in scanner.scan(data):
            counts[found.detector] += 1
            where[found.detector].append((path, found))
    size = sum(len(data) for _, data in files)
    print(f"\n{len(files):,} files, {size / 1e6:.1f} MB; hits, and hits a MB")
    for detector, count in counts.most_common():
        print(f"{detector:<24} {count:6} {count / size * 1e6:8.2f}")
        for path, found in where[detector][:show]:
            through = " > ".join(found.layers) or "raw"
            print(f"    {path.name}: {found.start} {through} {found.excerpt} {found.why}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=24)
    parser.add_argument("--show", type=int, default=0, help="places of each detector to print")
    asked = parser.parse_args()
    scanner = Scanner()
    files = corpus(asked.megabytes * 1_000_000)
    costs(scanner, files)
    fires(scanner, files, asked.show)
    joints(files)


if __name__ == "__main__":
    main()
