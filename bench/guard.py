"""What the guard costs, and what it fires on in real text and code.

`python -m bench.guard [--megabytes 24] [--show 3]`. CPU is this process's own (process_time), on
texts that were scanned once before, since RE2 builds its automaton as it goes. The corpus is what
is installed beside this program: the standard library's sources and the documents and sources of
packages, in an order that their names fix and that mixes them.
"""

import argparse
import json
import sysconfig
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from pathlib import Path
from zlib import crc32

from tollway.guard.finding import Finding
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


def speed(scan: Callable[[bytes], object], texts: Iterable[bytes]) -> float:
    """Megabytes a CPU second, the second time."""
    texts = list(texts)
    for text in texts:
        scan(text)
    start = time.process_time()
    for text in texts:
        scan(text)
    return sum(map(len, texts)) / 1e6 / (time.process_time() - start)


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


def costs(scanner: Scanner, files: list[tuple[Path, bytes]]) -> None:
    """Print speeds, and what a prompt and a chunk cost."""
    code = b"\n".join(data for path, data in files if path.suffix == ".py")[:8_000_000]
    text = prose(files)
    rows = [
        ("prose, in texts of 100 KB", text),
        ("Python, in texts of 100 KB", code),
    ]
    for name, data in rows:
        print(f"{name:<34} {speed(scanner.scan, pieces(data)):8.0f} MB/s")
    for name, data in rows:
        bodies = [
            json.dumps({"messages": [{"content": it.decode("utf-8", "replace")}]}).encode()
            for it in pieces(data)[:20]
        ]
        each = sum(map(len, bodies)) / len(bodies) / speed(scanner.scan, bodies) / 1e3
        print(f"{name.split(',')[0] + ' as a JSON body of 100 KB':<34} {each:8.2f} ms")
    words = list(islice(cycle(text.decode("utf-8", "replace").split(" ")), 20_000))
    hold = Hold(scanner)
    for _ in range(2):
        stream = StreamScanner(scanner, hold)
        start = time.process_time()
        for word in words:
            stream.feed(f" {word}")
        each = (time.process_time() - start) / len(words) * 1e6
    print(f"{'a streamed word':<34} {each:8.1f} us")


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


if __name__ == "__main__":
    main()
