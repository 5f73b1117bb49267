"""`tollway lock` and `tollway verify` on files as people have them."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tollway.cli.app import run

FLEET = """
version = 1
[pins]
requirements = ["requirements.txt"]
prompts = ["prompts/*.md"]
[pins.weights.tiny]
path = "weights"
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves = { m = {} }
[tenants.t]
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "support.md").write_text("You are kind.\n")
    (tmp_path / "weights" / "deep").mkdir(parents=True)
    (tmp_path / "weights" / "deep" / "model.safetensors").write_bytes(b"x" * 100)
    (tmp_path / "requirements.txt").write_text(f"inert==1.0 --hash=sha256:{'a' * 64}\n")
    file = tmp_path / "fleet.toml"
    file.write_text(FLEET)
    return file


Out = pytest.CaptureFixture[str]


def test_a_lock_is_written_once_and_verified(fleet: Path, capsys: Out) -> None:
    assert run(["lock", str(fleet)]) == 0
    lock = fleet.with_name("ai.lock")
    text = lock.read_text()
    assert sha256(b"x" * 100).hexdigest() in text
    assert run(["lock", str(fleet)]) == 0
    assert lock.read_text() == text
    said = capsys.readouterr().err
    assert said.splitlines() == [f"{lock}: 4 components, {it}." for it in ("written", "as before")]
    assert run(["verify", str(fleet)]) == 0
    assert capsys.readouterr().err == "4 components verified: 0 findings, 0 things not audited.\n"


def test_each_change_is_found_named_and_cured_by_a_new_lock(fleet: Path, capsys: Out) -> None:
    run(["lock", str(fleet)])
    (fleet.parent / "prompts" / "support.md").write_text("You are rude.\n")
    (fleet.parent / "weights" / "deep" / "model.safetensors").write_bytes(b"y" * 100)
    (fleet.parent / "weights" / "new.pkl").write_bytes(b"y")
    capsys.readouterr()
    assert run(["verify", str(fleet)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "weights:tiny weights/deep/model.safetensors",
        "weights:tiny weights/new.pkl",
        "prompt:prompts/support.md",
    ]
    assert run(["verify", str(fleet), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {it["rule"] for it in told["findings"]} == {"verify.changed"}
    assert run(["lock", str(fleet), "--check"]) == 1
    assert run(["verify", str(fleet)]) == 1  # --check wrote nothing
    assert run(["lock", str(fleet)]) == 0
    assert run(["verify", str(fleet)]) == 0


def test_what_is_not_locked_by_a_hash_is_named_and_the_exit_code_says_so(
    fleet: Path, capsys: Out
) -> None:
    with (fleet.parent / "requirements.txt").open("a") as file:
        file.write("loose>=2\n")
    assert run(["lock", str(fleet)]) == 3
    assert "not audited: " in capsys.readouterr().err
    assert run(["verify", str(fleet)]) == 3
    assert "loose" in capsys.readouterr().err


def test_weights_that_are_not_hashed_are_not_verified(fleet: Path, capsys: Out) -> None:
    run(["lock", str(fleet)])
    (fleet.parent / "weights" / "deep" / "model.safetensors").write_bytes(b"y" * 100)
    assert run(["verify", str(fleet), "--no-weights"]) == 3
    assert "weights:tiny: files: weights were not hashed" in capsys.readouterr().err
    (fleet.parent / "weights" / "deep" / "model.safetensors").write_bytes(b"y" * 101)
    assert run(["verify", str(fleet), "--no-weights"]) == 1  # sizes are compared all the same


def test_a_link_among_weights_is_refused(fleet: Path, capsys: Out) -> None:
    (fleet.parent / "weights" / "link").symlink_to("/etc/passwd")
    assert run(["lock", str(fleet)]) == 2
    assert 'holds "link", which is a link or no regular file' in capsys.readouterr().err
    assert not fleet.with_name("ai.lock").exists()


def test_a_broken_lock_is_made_anew_and_never_verified(fleet: Path, capsys: Out) -> None:
    fleet.with_name("ai.lock").write_text("version = 9\n")
    assert run(["verify", str(fleet)]) == 2
    assert run(["lock", str(fleet), "--check"]) == 2
    assert "has version 9; known: 1. Run: tollway lock" in capsys.readouterr().err
    assert run(["lock", str(fleet)]) == 0
    assert "it is made anew" in capsys.readouterr().err
    assert run(["verify", str(fleet)]) == 0


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("packageurl", ["lock"]),
        ("packaging", ["lock"]),
        ("packaging", ["incident", "x", "--fleet"]),
    ],
)
def test_without_the_extra_one_line_says_how_to_install_it(
    missing: str, words: list[str], fleet: Path
) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None; "
        f"from tollway.cli.app import run; sys.exit(run({[*words, str(fleet)]!r}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    said = f"Locks need {missing}, which is not here. Run: pip install 'tollway[pins]'"
    assert (ended.returncode, ended.stderr.strip()) == (2, said)


def test_a_drift_baseline_is_taken_into_the_lock_and_verified(fleet: Path, capsys: Out) -> None:
    baseline = fleet.parent / "drift" / "a--m.json"
    baseline.parent.mkdir()
    baseline.write_text("{}")
    run(["lock", str(fleet)])
    assert 'path = "drift/a--m.json"' in fleet.with_name("ai.lock").read_text()
    assert run(["verify", str(fleet)]) == 0
    baseline.write_text("{ }")
    capsys.readouterr()
    assert run(["verify", str(fleet)]) == 1
    assert "model-api:a/m: baseline's digest is sha256:" in capsys.readouterr().out
    baseline.unlink()
    assert run(["verify", str(fleet)]) == 1


def keys(folder: Path) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private, public = folder / "lock.key", folder / "lock.pub"
    private.touch(0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def test_a_signed_lock_is_only_verified_as_it_was_signed(fleet: Path, capsys: Out) -> None:
    private, public = keys(fleet.parent)
    run(["lock", str(fleet)])
    assert run(["verify", str(fleet), "--key", str(public)]) == 1
    assert "has no signature: ai.lock.sig is not there" in capsys.readouterr().out
    assert run(["lock", str(fleet), "--sign", str(private)]) == 0
    assert run(["verify", str(fleet), "--key", str(public)]) == 0
    (fleet.parent / "other").mkdir()
    _, other = keys(fleet.parent / "other")
    assert run(["verify", str(fleet), "--key", str(other)]) == 1
    lock = fleet.with_name("ai.lock")
    lock.write_text(lock.read_text().replace('"fleet.toml"', '"fleet.toml" '))
    assert run(["verify", str(fleet), "--key", str(public)]) == 1
    assert "is not what was signed, or was signed with another key" in capsys.readouterr().out
    fleet.with_name("ai.lock.sig").write_text("nonsense!")
    assert run(["verify", str(fleet), "--key", str(public)]) == 1


def test_a_key_that_others_may_read_signs_nothing(fleet: Path, capsys: Out) -> None:
    private, public = keys(fleet.parent)
    private.chmod(0o644)
    assert run(["lock", str(fleet), "--sign", str(private)]) == 2
    assert "may be read by others. Run: chmod 600" in capsys.readouterr().err
    assert run(["verify", str(fleet), "--key", str(private)]) == 2
    assert run(["lock", str(fleet), "--sign", str(public)]) == 2


def environment(folder: Path) -> Path:
    """A virtual environment with one package, as an installer leaves it."""
    site = folder / "lib" / "python3.12" / "site-packages"
    info = site / "inert-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "inert.py").write_text("here = True\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Inert\nVersion: 1.0\n")
    digest = subprocess.run(
        [sys.executable, "-c", "import base64,hashlib,sys;print(base64.urlsafe_b64encode("
         "hashlib.sha256(open(sys.argv[1],'rb').read()).digest()).rstrip(b'=').decode())",
         str(site / "inert.py")], capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    (info / "RECORD").write_text(f"inert.py,sha256={digest},12\ninert-1.0.dist-info/RECORD,,\n")
    return site


def test_an_installed_environment_is_held_against_the_lock(fleet: Path, capsys: Out) -> None:
    run(["lock", str(fleet)])
    site = environment(fleet.parent / "venv")
    asked = ["verify", str(fleet), "--environment", str(fleet.parent / "venv")]
    assert run(asked) == 0
    (site / "litellm_init.pth").write_text("import os\n")
    capsys.readouterr()
    assert run(asked) == 1
    said = "litellm_init.pth: runs at every start of the interpreter, and is no package's"
    assert said in capsys.readouterr().out
    (site / "litellm_init.pth").unlink()
    (site / "inert.py").write_text("here = False\n")
    assert run(asked) == 1
    assert "pypi:inert inert.py: is not what was installed" in capsys.readouterr().out
    (site / "inert.py").unlink()
    assert run(asked) == 1
    info = site / "inert-1.0.dist-info"
    info.rename(site / "inert-2.0.dist-info")
    (site / "inert-2.0.dist-info" / "METADATA").write_text("Name: inert\nVersion: 2.0\n")
    capsys.readouterr()
    assert run(asked) == 1
    assert "2.0 is installed, and another version is locked" in capsys.readouterr().out


def test_a_startup_file_of_a_locked_package_is_known_or_found(fleet: Path, capsys: Out) -> None:
    run(["lock", str(fleet)])
    site = environment(fleet.parent / "venv")
    with (site / "inert-1.0.dist-info" / "RECORD").open("a") as record:
        record.write("inert.pth,,\n")
    (site / "inert.pth").write_text("import inert\n")
    asked = ["verify", str(fleet), "--environment", str(fleet.parent / "venv")]
    assert run(asked) == 1
    assert "the lock does not know it" in capsys.readouterr().out
    lock = fleet.with_name("ai.lock")
    lock.write_text(
        lock.read_text().replace('name = "inert"', 'name = "inert"\nstartup = ["inert.pth"]')
    )
    assert run(asked) == 0


def signed(fleet: Path) -> None:
    """The weights of a fleet, signed with a key of an elliptic curve, and a table that wants it."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )
    from model_signing import hashing, signing

    key = generate_private_key(SECP256R1())
    private, public = fleet.with_name("model.key"), fleet.with_name("model.pub")
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    signature = fleet.with_name("model.sig")
    plain = hashing.Config().set_ignored_paths(paths=[signature], ignore_git_paths=False)
    signing.Config().set_hashing_config(plain).use_elliptic_key_signer(private_key=private).sign(
        fleet.with_name("weights"), signature
    )
    with fleet.open("a") as file:
        file.write('[pins.weights.tiny.signed]\npath = "model.sig"\npublic_key = "model.pub"\n')


def test_weights_that_somebody_must_have_signed_are_what_they_signed(
    fleet: Path, capsys: Out
) -> None:
    signed(fleet)
    run(["lock", str(fleet)])
    assert run(["verify", str(fleet)]) == 0
    weights = fleet.parent / "weights" / "deep" / "model.safetensors"
    weights.write_bytes(b"z" * 100)
    run(["lock", str(fleet)])  # whoever may write the lock too is not the signer
    capsys.readouterr()
    assert run(["verify", str(fleet)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("weights:tiny model.sig: is not what its signer signed: ")
    assert "[verify.model-signature]" in said
    weights.write_bytes(b"x" * 100)
    (weights.parent / "more.bin").write_bytes(b"not signed")
    run(["lock", str(fleet)])
    assert run(["verify", str(fleet)]) == 1
    fleet.with_name("model.sig").unlink()
    capsys.readouterr()
    assert run(["verify", str(fleet)]) == 1
    assert "weights:tiny model.sig: has no signature" in capsys.readouterr().out


@pytest.mark.parametrize("table", ["", 'identity = "me@example.com"\n', 'issuer = "https://x"\n'])
def test_a_signature_of_nobody_in_particular_is_a_fault(
    fleet: Path, capsys: Out, table: str
) -> None:
    with fleet.open("a") as file:
        file.write(f'[pins.weights.tiny.signed]\npath = "model.sig"\n{table}')
    assert run(["check", str(fleet)]) == 2
    assert "names no one signer. Write public_key, or identity and" in capsys.readouterr().err
