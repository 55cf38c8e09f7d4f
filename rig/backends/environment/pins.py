"""What a project's files say of its Python: which one it wants, and which packages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_CARET = re.compile(r"\^\s*(\d+)(?:\.(\d+))?(?:\.\d+)?")
_TILDE = re.compile(r"~\s*(\d+)\.(\d+)(?:\.\d+)?")
_VERSION = re.compile(r"(\d+\.\d+)(\.\d+)?")
_OLDEST = re.compile(r">=(3\.\d+)(?=$|[.,])")
_SPECIFIER = re.compile(r"\s*(([<>=!~]=?|===)\s*[\w.*]+\s*(,\s*|$))+")


def normalised(name: str) -> str:
    """A distribution's name in the one form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def frozen(text: str) -> dict[str, str]:
    """Version by name, of what `pip freeze` prints; what has no version is left out."""
    pins = (line.partition("==") for line in text.splitlines())
    return {normalised(name): version.strip() for name, is_pin, version in pins if is_pin}


def python_requests(
    pyproject: Mapping[str, Any], python_version: str, pipfile: Mapping[str, Any]
) -> tuple[str, ...]:
    """What to ask uv for, the best first; empty: any Python.

    `python_version` is the text of `.python-version`, which may name no version at all.
    """
    pinned = next(iter(python_version.split()), "")
    if exact := _VERSION.fullmatch(pinned):
        # another patch release runs the same project
        return (pinned, exact[1]) if exact[2] else (pinned,)
    required = _in(pipfile, "_meta", "requires", "python_version")
    required = required or _in(pyproject, "project", "requires-python")
    required = required or _in(pyproject, "tool", "poetry", "dependencies", "python")
    wanted = specifier(required) if isinstance(required, str) else ""
    # what names its oldest was made with it: its packages may know no newer one
    oldest = _OLDEST.match(wanted)
    return (*([oldest[1]] if oldest else []), *([wanted] if wanted else []))


def specifier(constraint: str) -> str:
    """Poetry's or PEP 440's constraint in PEP 440's words; "" for one that says nothing here."""
    if caret := _CARET.fullmatch(constraint.strip()):
        return f">={caret[1]}.{caret[2] or 0},<{int(caret[1]) + 1}"
    if tilde := _TILDE.fullmatch(constraint.strip()):
        return f">={tilde[1]}.{tilde[2]},<{tilde[1]}.{int(tilde[2]) + 1}"
    if _VERSION.fullmatch(constraint.strip()):
        return constraint.strip()
    return constraint.replace(" ", "") if _SPECIFIER.fullmatch(constraint) else ""


def of_pipfile(lock: Mapping[str, Any]) -> list[str]:
    """Lines of a requirements file for a `Pipfile.lock`. ValueError where it is none."""
    default = lock.get("default")
    if not isinstance(default, Mapping):
        raise ValueError("it has no `default` packages")
    return [_of_pipfile(name, entry) for name, entry in default.items()]


def _of_pipfile(name: str, entry: Mapping[str, Any]) -> str:
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = f" ; {entry['markers']}" if entry.get("markers") else ""
    if "git" in entry:
        return f"{name}{extras} @ git+{entry['git']}@{entry.get('ref', 'HEAD')}{marker}"
    if "file" in entry or "path" in entry:
        where = str(entry.get("file") or entry.get("path"))
        return f"{name}{extras} @ {where}{marker}" if "://" in where else f"{where}{marker}"
    return f"{name}{extras}{entry.get('version', '')}{marker}{_hashes(entry.get('hashes', ()))}"


def of_poetry(lock: Mapping[str, Any], pyproject: Mapping[str, Any]) -> list[str]:
    """Lines of a requirements file for a `poetry.lock`: what its main group comes to.

    ValueError where it is none.
    """
    packages = lock.get("package")
    if not isinstance(packages, list):
        raise ValueError("it has no packages")
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for package in packages:
        by_name.setdefault(normalised(package["name"]), []).append(package)
    markers = _reached(by_name, _main_of(pyproject))
    return [
        _of_poetry(package, markers[name])
        for name in sorted(markers)
        for package in by_name.get(name, ())
    ]


def _main_of(pyproject: Mapping[str, Any]) -> list[str]:
    """The names that a project itself depends on."""
    named = _in(pyproject, "project", "dependencies") or ()
    names = [re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0] for text in named]
    names += _in(pyproject, "tool", "poetry", "dependencies") or ()
    return [normalised(name) for name in names if name != "python"]


def _reached(
    packages: Mapping[str, Sequence[Mapping[str, Any]]], main: Sequence[str]
) -> dict[str, set[str]]:
    """The names that the main ones need, each with the markers under which it is needed."""
    reached: dict[str, set[str]] = {name: {""} for name in main}
    left = list(main)
    while left:
        for package in packages.get(left.pop(), ()):
            for name, needed in package.get("dependencies", {}).items():
                if (known := normalised(name)) not in reached:
                    left.append(known)
                reached.setdefault(known, set()).update(_markers(needed))
    return reached


def _markers(needed: object) -> Iterator[str]:
    for one in needed if isinstance(needed, list) else [needed]:
        said = one.get("markers", "") if isinstance(one, Mapping) else ""
        # which extras were asked for is settled: what nobody asked for is not in the lock
        yield "" if "extra" in said else said


def _of_poetry(package: Mapping[str, Any], markers: set[str]) -> str:
    own = package.get("markers")
    if isinstance(own, Mapping):  # by group
        own = own.get("main")
    marker = own or ("" if "" in markers else " or ".join(f"({one})" for one in sorted(markers)))
    after = f" ; {marker}" if marker else ""
    name, source = package["name"], package.get("source", {})
    url = source.get("url", "")
    match source.get("type"):
        case "git":
            return f"{name} @ git+{url}@{source.get('resolved_reference', 'HEAD')}{after}"
        case "url":
            return f"{name} @ {url}{after}"
        case "file" | "directory":
            return f"{url}{after}"
    hashes = [file["hash"] for file in package.get("files", ())]
    return f"{name}=={package['version']}{after}{_hashes(hashes)}"


def _hashes(hashes: Sequence[str]) -> str:
    return "".join(f" --hash={one}" for one in hashes)


def _in(data: Mapping[str, Any], *keys: str) -> Any:
    """What stands below these keys; None where nothing does."""
    found: Any = data
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


_SETUPTOOLS = re.compile(r"^\s*setuptools\b", re.M | re.I)
_INCLUDED = re.compile(r"\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)")


def major(version: str) -> int:
    """The first number of a version; 0 of none."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def leaves_setuptools(*texts: str) -> bool:
    """Whether no line of these requirements is about setuptools."""
    return not any(_SETUPTOOLS.search(text) for text in texts)


def included(requirements: str) -> list[str]:
    """The other files that a requirements file names."""
    found = map(_INCLUDED.match, requirements.splitlines())
    return [match[1] for match in found if match]
