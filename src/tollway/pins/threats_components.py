"""What answers threats to components of the lock: weights, packages, prompts, runtimes, images.

Rules
1. A control's key is the key of the component in the lock.
"""

from typing import TypeVar

from tollway.catalog.incidents import known_bad
from tollway.pins.component import (
    Component,
    Image,
    NpmPackage,
    Package,
    Prompt,
    PypiPackage,
    Runtime,
    Weights,
    called,
    released,
)
from tollway.pins.threats_judged import (
    Control,
    Facts,
    Verdict,
    answered,
    inapplicable,
    opened,
    unjudged,
)

C = TypeVar("C", bound=Component)
CODE_FREE = frozenset({"safetensors", "gguf", "json", "txt", "text", "csv", "md"})


def _found(facts: Facts, name: str, kind: type[C]) -> C:
    """The component that `kind:name` names; it is in the lock, since things are made from it."""
    component = facts.lock.find(name) if facts.lock else None
    if not isinstance(component, kind):
        raise KeyError(name)
    return component


def altered_weights(facts: Facts, name: str) -> Verdict:
    """Whether the files of weights are those that were chosen."""
    weights = _found(facts, f"weights:{name}", Weights)
    if not weights.files:
        return opened("The lock names no file of it.", "Run: tollway lock")
    files = Control("files by digest", "files", "each by its digest")
    return answered(files, residual="Files that were bad when they were locked.")


def poisoned_weights(facts: Facts, name: str) -> Verdict:
    """Whether weights were poisoned before they were published."""
    _found(facts, f"weights:{name}", Weights)
    why = "Digests say that these are the bytes that were chosen. Nobody here tested what they do."
    return unjudged(why)


def loaded_weights(facts: Facts, name: str) -> Verdict:
    """Whether loading the weights may run code."""
    weights = _found(facts, f"weights:{name}", Weights)
    formats = Control("formats", "formats", ", ".join(weights.formats) or "none")
    unsafe = sorted(set(weights.formats) - CODE_FREE)
    if not unsafe and not weights.globals:
        return answered(formats, residual="Faults in the loader itself.")
    names = Control("globals", "globals", ", ".join(weights.globals) or "none")
    if unsafe and not weights.globals:
        left = f"{', '.join(unsafe)} is loaded by the allowlist of globals that ships."
        return answered(formats, names, residual=left)
    mend = f"Convert it to safetensors, and take weights:{name} globals away."
    why = f"Loading it may call {', '.join(weights.globals) or 'what it names'}."
    return opened(why, mend, formats, names)


def _package(facts: Facts, name: str) -> tuple[Package, str]:
    component = facts.lock.find(name) if facts.lock else None
    if not isinstance(component, PypiPackage | NpmPackage):
        raise KeyError(name)
    return component, called(component)


def bad_package(facts: Facts, name: str) -> Verdict:
    """Whether a package is what its lock says, and nothing known to be bad."""
    package, me = _package(facts, name)
    uploads = {it.uploaded for it in package.artifacts} or {None}
    known = {
        it.incident.name: it.judgement
        for uploaded in uploads
        for it in known_bad(package.kind, released(package), package.version, uploaded)
    }
    bad = sorted(name for name, judgement in known.items() if judgement == "bad")
    if bad:
        why = f"This release is known to be malicious: {', '.join(bad)}."
        return opened(why, f"Run: tollway incident {bad[0]}")
    if not package.artifacts:
        return opened("The lock names no file of it.", "Run: tollway lock")
    yanked = sorted(it.name for it in package.artifacts if it.yanked is not None)
    if yanked:
        return opened(f"Its publisher has yanked {yanked[0]}.", f"Lock another release of {me}.")
    controls = [Control("files by digest", "artifacts", "each by its digest")]
    if facts.fleet.index is not None:
        controls.append(Control("package index", "index.mode", facts.fleet.index.mode))
    if known:
        return unjudged(
            f"It may be of {', '.join(sorted(known))}: its upload time is not in the lock.",
            *controls,
        )
    return answered(*controls, residual="A release that is bad, and that nobody has told yet.")


def startup_of_package(facts: Facts, name: str) -> Verdict:
    """Whether a package runs code that nobody called."""
    package, me = _package(facts, name)
    if package.startup is None or package.scripts is None:
        return unjudged("Nobody opened its files: whether it runs code by itself is not known.")
    if package.startup or package.scripts:
        what = ", ".join((*package.startup, *package.scripts))
        control = Control("runs by itself", "startup, scripts", what)
        why = f"It runs {what} without being called."
        return opened(why, f"Read it, then approve it or lock a release of {me} without.", control)
    looked = Control("opened", "startup, scripts", "none")
    return answered(looked, residual="Code that runs when it is imported.")


def next_release(facts: Facts, name: str) -> Verdict:
    """Whether a bad next release would be taken over."""
    package, _ = _package(facts, name)
    controls: list[Control] = []
    index = facts.fleet.index
    if index is not None and index.mode == "lock":
        controls.append(Control("only what is locked", "index.mode", "lock"))
    elif index is not None and index.rules.young != "allow":
        days = f"{index.rules.cooldown / 86400:g} days, younger: {index.rules.young}"
        controls.append(Control("cooldown", "index.rules.cooldown", days))
    if package.publishers:
        who = ", ".join(it.identity for it in package.publishers)
        controls.append(Control("publisher pinned", "publishers", who))
    if not controls:
        why = "Nothing holds its next release back, and nobody knows who published this one."
        return opened(why, "Write [index], and have CI and sandboxes install from it.")
    return answered(*controls, residual="A release by the right publisher that is bad for long.")


def made_up_name(facts: Facts, name: str) -> Verdict:
    """Whether a name that a model made up would be installed."""
    package, _ = _package(facts, name)
    if not package.direct:
        return inapplicable("Nobody asked for its name: another package needs it.")
    index = facts.fleet.index
    if index is None:
        return opened("Any name that somebody asks for is installed.", "Write [index].")
    mode = Control("package index", "index.mode", index.mode)
    left = "A person who approves a wrong name."
    if index.mode == "lock":
        return answered(mode, residual=left)
    unranked = Control("names that nobody knows", "index.rules.unranked", index.rules.unranked)
    if index.rules.unranked == "allow":
        mend = 'Write index.rules.unranked = "ask".'
        return opened("A name that a model made up is served.", mend, mode, unranked)
    return answered(mode, unranked, residual=left)


def changed_prompt(facts: Facts, name: str) -> Verdict:
    """Whether a prompt is the one that was reviewed."""
    prompt = _found(facts, f"prompt:{name}", Prompt)
    control = Control("file by digest", "file", prompt.file.digest[:19])
    return answered(control, residual="What the prompt says, and who may change the lock.")


def leaked_prompt(facts: Facts, name: str) -> Verdict:
    """Whether a prompt would be held where a model repeats it."""
    prompt = _found(facts, f"prompt:{name}", Prompt)
    guard = facts.fleet.guard
    if guard is None or guard.fingerprints is None or "in" not in guard.directions:
        mend = (
            f"Register {prompt.file.path} with tollway guard fingerprint; write guard.fingerprints."
        )
        return opened("Nothing knows it when a model repeats it.", mend)
    control = Control("registered documents", "guard.fingerprints", guard.fingerprints)
    return unjudged("Whether it is among the registered documents is not looked at.", control)


def pinned_bytes(facts: Facts, name: str) -> Verdict:
    """Whether a runtime or an image is known by its bytes."""
    component = facts.lock.find(name) if facts.lock else None
    if not isinstance(component, Runtime | Image):
        raise KeyError(name)
    if component.digest is None:
        return opened("Nobody saw its bytes: it is known by its version.", "Run: tollway lock")
    control = Control("digest", "digest", component.digest[:19])
    return answered(control, residual="What was in it when it was locked.")


def host_of_image(facts: Facts, name: str) -> Verdict:
    """Whether a container stays in."""
    return unjudged("Containers are started by others; what they may do is not seen here.")


def strange_server(facts: Facts, name: str) -> Verdict:
    """A server of tools that is locked and that the fleet file does not have."""
    return opened(
        "It is locked, and the fleet file has no server of its name.", "Run: tollway lock"
    )


def no_training(facts: Facts, name: str) -> Verdict:
    """Whether training data can be poisoned."""
    return inapplicable("Nothing is trained here: the fleet file knows no training data.")
