"""Inert packages that tests build: wheels, sdists and npm tarballs with given files."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tollway.pins.component import Artifact


def wheel(
    folder: Path, name: str, version: str, files: Mapping[str, str], *, unlisted: bool = False
) -> Path:
    """A wheel with a RECORD; `unlisted` leaves the last file out of it."""
    info = f"{name}-{version}.dist-info"
    whole = {
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        **files,
    }
    listed = list(whole)[:-1] if unlisted else list(whole)
    rows = [f"{path},sha256={_url(whole[path])},{len(whole[path])}" for path in listed]
    whole[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in whole.items():
            archive.writestr(zipfile.ZipInfo(inner), text)
    return path


def _url(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def tarball(path: Path, files: Mapping[str, str], top: str) -> Path:
    """A .tar.gz or .tgz with everything below one folder, the same bytes every time."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as plain,
        tarfile.open(fileobj=plain, mode="w") as archive,
    ):
        for inner, text in files.items():
            info = tarfile.TarInfo(f"{top}/{inner}" if top else inner)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def artifact(path: Path, kind: str = "sha256", *, day: int | None = None) -> Artifact:
    """A file as a lock holds it; `day` is the day of October 2026 of its upload."""
    from datetime import UTC, datetime

    digest = hashlib.new(kind, path.read_bytes()).hexdigest()
    uploaded = datetime(2026, 10, day, tzinfo=UTC) if day is not None else None
    return Artifact(
        name=path.name, digest=f"{kind}:{digest}", size=path.stat().st_size, uploaded=uploaded
    )
