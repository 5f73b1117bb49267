"""What an index needs, from a fleet file and a state folder: all of it, or why not."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tollway.errors import Fault, FaultsFound
from tollway.fleet.indexing import IndexSettings, PackageUpstream
from tollway.index.stock import Means
from tollway.index.upstream import Upstream
from tollway.inspect.fleetfile import read_fleet
from tollway.pins.admission import Standards, locked_names
from tollway.pins.admission_names import Ranked, ranked
from tollway.pins.component import Ecosystem
from tollway.pins.lock import Lock, read_lock

_LARGEST = 64 << 20


def load(path: Path) -> Means:
    """Read the fleet file, its lock and its lists of names. Slow: not for the event loop.

    Raises:
        TollwayError: something is missing or faulty; the text says what to do.
    """
    settings = settings_of(path)
    lock = lock_beside(path, settings)
    standards = Standards(
        settings.mode,
        settings.rules,
        {} if lock is None else locked_names(lock),
        _ranked(path, settings),
    )
    upstreams = [Upstream(_anchored(path, it), settings) for it in settings.upstreams.values()]
    return Means(settings, standards, upstreams)


def settings_of(path: Path) -> IndexSettings:
    """The index that a fleet file declares.

    Raises:
        FaultsFound: it is faulty, or declares none.
    """
    settings = read_fleet(path).index
    if settings is None:
        mend = "Write [index] with [index.upstreams.NAME]."
        raise FaultsFound([Fault(path.name, "declares no [index]", mend)])
    return settings


def lock_beside(path: Path, settings: IndexSettings) -> Lock | None:
    """The lock of a fleet file; None where it has none, which mode lock does not take.

    Raises:
        FaultsFound: it cannot be read, or mode lock has none.
    """
    place = path.absolute().parent / settings.lock
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        if settings.mode == "cooldown":
            return None
        raise _fault(
            str(place), "is not there, and index.mode is lock", "Run: tollway lock"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(str(place), f"cannot be read: {error}", "Name a lock.") from None
    return read_lock(text, settings.lock)


def _ranked(path: Path, settings: IndexSettings) -> Mapping[Ecosystem, Ranked]:
    found: dict[Ecosystem, Ranked] = {}
    for kind, name in settings.ranked.items():
        place = path.absolute().parent / name
        try:
            with place.open("rb") as file:
                text = file.read(_LARGEST + 1).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            words = f"{place} cannot be read: {error}"
            raise _fault(f"{path.name}: index.ranked.{kind}", words, "Name a list.") from None
        found[kind] = ranked(kind, text.splitlines())
        if not found[kind].names:
            raise _fault(f"{path.name}: index.ranked.{kind}", f"{place} has no name", "Fill it.")
    return found


def _anchored(path: Path, upstream: PackageUpstream) -> PackageUpstream:
    """With paths from the fleet file's folder."""
    folder = path.absolute().parent
    ca_file, credential = upstream.ca_file, upstream.credential
    if credential is not None and credential.scheme == "file":
        credential = replace(credential, name=str(folder / Path(credential.name).expanduser()))
    if ca_file is not None:
        ca_file = str(folder / Path(ca_file).expanduser())
    return replace(upstream, ca_file=ca_file, credential=credential)


def _fault(place: str, problem: str, mend: str) -> FaultsFound:
    return FaultsFound([Fault(place, problem, mend)])
