"""Makes the environments that a session's plans need, before it enters its sandbox.

    project's packages  →  the servers beside them, with the project's versions as constraints

A session inside its sandbox is handed what was made, and makes nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rig.backends.environment import pins, store
from rig.backends.environment.environment import Environment
from rig.backends.environment.project import Project
from rig.backends.environment.uv import INSTALL_DEADLINE_S, cause, printed, uv
from rig.backends.processes import completed
from rig.disk.typed import fitted
from rig.factors.servers import SERVERS
from rig.model import StackError, digest
from rig.plan import Plan

HANDED_ON = "RIG_ENVIRONMENTS"
"""The variable with what was made, for the runner inside the sandbox."""
RULES = 5
"""Counted up by whoever changes what an environment of the same files holds."""

DRIVERS = ("psycopg", "psycopg2", "psycopg2-binary", "asyncpg")
DRIVER, OLDER_DRIVER = "psycopg[binary,pool]", "psycopg2-binary"
"""What is installed where the project has none of Postgres's drivers."""
DRIVER_SINCE = (4, 2)
"""The first Django that takes DRIVER."""
POOL = "psycopg-pool"
SETUPTOOLS = "setuptools<81"
"""Older packages, gunicorn 20 among them, import its pkg_resources and do not ask for it."""
OLDER_UVICORN = "uvicorn<0.36"
"""What the uvicorn-worker takes that goes with a gunicorn before 21."""
OLDEST = (3, 8)

_DESCRIBE = """
import json, site, sys
print(json.dumps([list(sys.version_info[:3]), sys.version, sys.prefix, sys.base_prefix,
                  getattr(sys, "_base_executable", sys.executable), site.getsitepackages()]))
"""


def server_packages(plan: Plan) -> tuple[str, ...]:
    """The distributions that serve a plan's target; none for one that starts itself."""
    return SERVERS[plan.server].distributions if plan.target.django else ()


def project_of(plan: Plan) -> Project:
    """The project whose packages a plan's environment is made of."""
    return Project(plan.target.name, Path(plan.target.code_folder) / plan.target.python)


def ident(plan: Plan) -> str:
    """What the environments of a session are told apart by; "" for a target without its own."""
    target = plan.target
    return digest([target.code_folder, target.python])[:16] if target.python else ""


def servers_of(plans: Iterable[Plan]) -> Mapping[str, tuple[Plan, tuple[str, ...]]]:
    """By `ident`: a plan, and the distributions that serve all plans of its target.

    One environment for all of them: cells that differ by more than their server are no comparison.
    """
    found: dict[str, tuple[Plan, tuple[str, ...]]] = {}
    for plan in plans:
        if name := ident(plan):
            first, servers = found.get(name, (plan, ()))
            found[name] = first, tuple(sorted({*servers, *server_packages(plan)}))
    return found


def provide(plans: Iterable[Plan], say: Callable[[str], None]) -> Mapping[str, Environment]:
    """The environments of these plans by `ident`, kept or made. StackError, with one cause.

    `say` gets a line before what takes a while.
    """
    made: dict[str, Environment] = {}
    keys: set[str] = set()
    for name, (plan, servers) in servers_of(plans).items():
        making = _Making.of(project_of(plan), servers)
        made[name] = making.environment(say)
        keys.add(making.key)
    if made:
        store.prune(keys)
        os.environ[HANDED_ON] = json.dumps({name: asdict(one) for name, one in made.items()})
    return made


def of_project(
    name: str, file: Path, servers: Sequence[str], say: Callable[[str], None]
) -> Environment:
    """The environment of a project whose packages stand in `file`. StackError, with one cause.

    `name` is its target's.
    """
    return _Making.of(Project(name, file), servers).environment(say)


def handed_over(plan: Plan) -> Environment | None:
    """A plan's environment as `provide` made it; None for a target without its own. StackError."""
    name = ident(plan)
    if not name:
        return None
    said = json.loads(os.environ.get(HANDED_ON, "{}"))
    if name not in said:
        raise StackError(f"target {plan.target.name}'s Python was not made before the session")
    return fitted(Environment, said[name])


@dataclass(frozen=True)
class Interpreter:
    """A Python that is installed."""

    executable: str
    """Of an environment: the Python that it was made with."""
    version: str
    number: tuple[int, ...]
    prefix: str
    base_prefix: str
    packages: tuple[str, ...]
    """Where its packages stand."""

    @classmethod
    def of(cls, path: str) -> Interpreter:
        """Asks it. StackError where it is none."""
        done = completed([path, "-I", "-c", _DESCRIBE], 30)
        try:
            number, version, prefix, base_prefix, base, packages = json.loads(done.out)
        except ValueError:
            said = (done.err.strip() or done.out.strip() or "it says nothing").splitlines()[-1]
            raise StackError(f"{path} is no Python: {said}") from None
        return cls(base or path, version, tuple(number), prefix, base_prefix, tuple(packages))

    @property
    def short(self) -> str:
        """Its version in numbers."""
        return ".".join(map(str, self.number))


@dataclass(frozen=True)
class _Making:
    """One environment: what it is made of, and how."""

    project: Project
    servers: tuple[str, ...]
    interpreter: Interpreter
    content: str
    """Digest of its own packages and its Python."""

    @classmethod
    def of(cls, project: Project, servers: Sequence[str]) -> _Making:
        """Looks at the project's files and for its Python. StackError."""
        own = project.source == "interpreter"
        try:
            interpreter = Interpreter.of(str(project.file)) if own else _python_for(project)
        except StackError as error:
            raise project.problem(error.what, error.do) from error
        if interpreter.number < OLDEST:
            raise project.problem(f"Python {interpreter.short} is too old, 3.8 is the oldest")
        contents = [[str(project.file), _freeze(str(project.file))]] if own else project.contents()
        where = str(project.folder)  # what is installed as editable leads there
        of = [RULES, project.source, where, contents, interpreter.executable, interpreter.version]
        return cls(project, tuple(sorted(servers)), interpreter, digest(of))

    @property
    def key(self) -> str:
        """Under which it is kept."""
        return digest([self.content, self.servers])

    def environment(self, say: Callable[[str], None]) -> Environment:
        """Kept, or made now. StackError."""
        if not store.found(self.key):
            named = f"{self.project.file.name}, Python {self.interpreter.short}"
            say(f"target {self.project.target}: making its environment ({named})")
            with store.new(self.key) as part:
                self._make(part)
        venv, own = store.folder() / self.key / "venv", self.interpreter
        bins = [str(venv / "bin")]
        folders = [str(store.folder() / self.key), own.base_prefix]
        if self.project.source == "interpreter":
            bins.append(str(self.project.file.parent))
            folders.append(own.prefix)
        return Environment(
            str(venv / "bin" / "python"), ":".join(bins), tuple(folders), self.content
        )

    def _make(self, part: Path) -> None:
        python = str(part / "venv" / "bin" / "python")
        self._uv("venv", "--relocatable", "--python", self.interpreter.executable,
                 str(part / "venv"))  # fmt: skip
        if self.project.source == "interpreter":
            self._lay_over(part)
            has = pins.frozen(_freeze(str(self.project.file)))
        else:
            requirements = [*self.project.requirements(part), *self._older(part)]
            self._uv(*_INSTALL, "--python", python, *requirements,
                     "--directory", str(self.project.folder))  # fmt: skip
            has = pins.frozen(_freeze(python))
        self._add_servers(part, python, has)

    def _older(self, part: Path) -> Sequence[str]:
        """SETUPTOOLS as a constraint, where the project leaves the version to its packages."""
        if self.project.source not in ("requirements", "pyproject.toml"):
            return ()
        if not pins.leaves_setuptools(*self.project.flat()):
            return ()
        (part / "older.txt").write_text(SETUPTOOLS + "\n")
        return ("--constraints", str(part / "older.txt"))

    def _lay_over(self, part: Path) -> None:
        """The user's own environment stays as it is: ours finds its packages behind the servers."""
        (ours,) = (part / "venv" / "lib").glob("python*/site-packages")
        lines = [f"import site; site.addsitedir({path!r})" for path in self.interpreter.packages]
        (ours / "project.pth").write_text("\n".join([*lines, ""]))

    def _add_servers(self, part: Path, python: str, has: Mapping[str, str]) -> None:
        constraints = part / "constraints.txt"
        constraints.write_text("".join(f"{name}=={has[name]}\n" for name in sorted(has)))
        wanted = [*self.servers, *_missing(has)]
        if "uvicorn" in wanted and pins.major(has.get("gunicorn", "")) in range(1, 21):
            wanted.append(OLDER_UVICORN)
        if self.project.source == "interpreter":  # its packages are found behind ours
            wanted = [one for one in wanted if one not in has]
        if not wanted:
            return
        done = uv(*_INSTALL, "--compile-bytecode", "--python", python,
                  "--constraints", str(constraints), *wanted,
                  deadline_s=INSTALL_DEADLINE_S)  # fmt: skip
        if done.code:
            raise self.project.problem(conflict(cause(done.err), has, self.servers))
        now = pins.frozen(_freeze(python))
        changed = [name for name in has if now.get(name, has[name]) != has[name]]
        if changed:
            name = changed[0]
            raise self.project.problem(
                f"the servers would change {name} {has[name]} to {now[name]}",
                f"name in it the versions of {', '.join(self.servers)} that go with it",
            )

    def _uv(self, *arguments: str) -> None:
        done = uv(*arguments, deadline_s=INSTALL_DEADLINE_S)
        if done.code:
            why = cause(done.err or done.out)
            raise self.project.problem(f"it cannot be installed: {why}", advice(why))


def _missing(has: Mapping[str, str]) -> Iterator[str]:
    """What a project needs besides and has not: as setup/own.sh has it."""
    if not any(name in has for name in DRIVERS):
        number = tuple(int(part) for part in re.findall(r"\d+", has.get("django", ""))[:2])
        yield OLDER_DRIVER if number and number < DRIVER_SINCE else DRIVER
    elif "psycopg" in has:
        yield POOL
    if "setuptools" not in has:
        yield SETUPTOOLS


_INSTALL = ("pip", "install", "--quiet")
_DEPENDS = re.compile(
    r"([\w.-]+?)(?:\[[\w,-]*\])?(?:[<>=!~]=?\S*)? depends? on ([\w.-]+)([<>=!~]\S*)"
)
_REACHED = ("ailed to fetch", "dns error", "onnect", "timed out")


def advice(why: str) -> str:
    """What to do about a cause of uv's; empty where nobody knows."""
    if any(word in why for word in _REACHED):
        return "check the network, HTTPS_PROXY and PIP_INDEX_URL"
    if "ailed to build" in why:
        return "install what its build needs, or name a version with a wheel for this Python"
    return ""


def _freeze(python: str) -> str:
    return printed("pip", "freeze", "--python", python)


def _python_for(project: Project) -> Interpreter:
    """The Python that a project asks for: installed, or fetched by uv. StackError."""
    ours = getattr(sys, "_base_executable", "") or sys.executable
    requests = project.pythons()
    if not requests:
        return Interpreter.of(ours)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    others = sorted((str(path) for path in pyenv.glob("*/bin")), reverse=True)
    path = os.pathsep.join([os.path.dirname(ours), os.environ.get("PATH", ""), *others])
    fetched = store.pythons()
    for request in requests:
        for place in (None, fetched):
            found = uv("python", "find", "--system", "--no-project", request,
                       pythons=place, path=path)  # fmt: skip
            if not found.code:
                return Interpreter.of(found.out.strip())
    done = uv("python", "install", requests[-1], pythons=fetched, deadline_s=INSTALL_DEADLINE_S)
    if not done.code:
        done = uv("python", "find", "--system", "--no-project", requests[-1], pythons=fetched)
    if done.code:
        raise StackError(
            f"no Python {requests[0]} is here, and uv could not fetch one: {cause(done.err)}",
            "install it, or name an interpreter: `python: PATH`",
        )
    return Interpreter.of(done.out.strip())


def conflict(why: str, has: Mapping[str, str], servers: Sequence[str]) -> str:
    """What of the project's versions the servers do not go with, in one line."""
    for who, whom, wants in _DEPENDS.findall(why):
        name = pins.normalised(whom)
        if name in has and pins.normalised(who) not in has:
            return f"{who} needs {whom}{wants}, and the project has {name} {has[name]}"
    return f"{', '.join(servers)} cannot be installed beside it: {why}"
