"""An experiment's YAML to a Matrix: base, profiles, and all that is wrong with any of them.

May not know PyYAML (`document` does) nor what becomes of a Matrix.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from rig import plan
from rig.config import matrix
from rig.config.claim import Claim
from rig.config.combinations import combined
from rig.config.design import AnyDesign, Carrying, Design, Repeated, Searching, planned, unfit
from rig.config.document import Document, Map, Node, merge, read
from rig.config.findings import Finding, Findings, ReadError, did_you_mean, one_of, shortened
from rig.config.load import ClosedLoad, Load, OpenLoad, unfit_rates
from rig.config.matrix import Matrix
from rig.config.objective import AnObjective, unfit_objective
from rig.config.requires import Requires, without_cells
from rig.config.sections import (
    Context,
    Section,
    at,
    context_of,
    expected,
    together,
    validated,
    wrong,
)
from rig.config.sendable import unsendable
from rig.config.values import (
    Fits,
    Keywords,
    LevelOfEach,
    LevelsOfEach,
    Matching,
    Name,
    Optional,
    Sentence,
    Size,
)
from rig.factors import Choice
from rig.model import RATE, SURGE, Level, UsageError, plain
from rig.plan import Cell, Target

PROFILE_KEYS = ("default_profile", "profiles")
MOST_PROFILES = 20


def _some(changes: Mapping[str, Level]) -> Mapping[str, Level]:
    if not changes:
        raise wrong("`{name}` expects at least one factor")
    return changes


class Extra(Section):
    """Cells beside those of `vary`."""

    because: Sentence
    only: LevelsOfEach = Field(default_factory=dict)
    set_to: Annotated[LevelOfEach, AfterValidator(_some), Keywords({"minProperties": 1})] = Field(
        alias="set"
    )


class Data(Section):
    """How much there is to read and to compute."""

    posts: Size
    cpu_n: Size


def _profile(section: Mapping[str, Any]) -> Mapping[str, Any]:
    """A section as it is: with the base it makes an experiment, which is checked as one."""
    for key in PROFILE_KEYS:
        if key in section:
            raise together([at((key,), wrong(f"a profile cannot have `{key}`", "remove it"))])
    return section


class _ProfileName(Fits):
    def read(self, value: Any, context: Context) -> str:
        if not context.names.get(self.called):
            raise expected("a profile, but there are none", do="add one under `profiles`")
        return cast(str, super().read(value, context))


Profile = Annotated[dict[str, Any], AfterValidator(_profile)]


class Experiment(Section):
    """What is asked, what is fixed, what varies."""

    experiment: Annotated[
        str,
        Matching("[a-z0-9][a-z0-9-]{0,63}", "a slug of lower-case letters, digits and dashes"),
    ]
    claim: Optional[Claim] = None
    objective: Optional[AnObjective] = None
    requires: Requires = ()
    setup: LevelOfEach = Field(default_factory=dict)
    vary: LevelsOfEach = Field(default_factory=dict)
    also: dict[Name, Extra] = Field(default_factory=dict)
    load: Load
    data: Data
    design: Design = Field(default_factory=Repeated)
    default_profile: Optional[Annotated[str, _ProfileName(Choice(), "profile")]] = None
    profiles: dict[Name, Profile] = Field(default_factory=dict)

    @field_validator("profiles")
    @classmethod
    def _not_too_many(cls, profiles: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(profiles) > MOST_PROFILES:
            what = f"`profiles` has {len(profiles)} of them, expected at most {MOST_PROFILES}"
            raise wrong(what)
        return profiles

    @field_validator("*")
    @classmethod
    def _sound(cls, value: Any, info: ValidationInfo) -> Any:
        context_of(info).sound[str(info.field_name)] = value
        return value


def read_matrix(path: Path, *, profile: str | None, targets: Mapping[str, Target]) -> Matrix:
    """The experiment in a file, with a profile; None: the file's `default_profile`, if any.

    BadYaml with every problem of the base and of all profiles; UsageError for a profile
    that there is not.
    """
    try:
        document = read(path)
    except ReadError as wrong:
        Findings(wrong.findings).raise_any()
        raise
    return matrix_of(document, profile=profile, targets=targets)


def matrix_of(document: Document, *, profile: str | None, targets: Mapping[str, Target]) -> Matrix:
    """As `read_matrix`, of a document that is read already."""
    findings = Findings(document.findings)
    asked = ((*target.routes, *target.mixes, *target.locustfiles) for target in targets.values())
    routes = dict.fromkeys(itertools.chain.from_iterable(asked))
    names = {
        "target": tuple(targets),
        "route": tuple(routes),
        "profile": tuple(_profiles(document.root)),
    }
    experiments: dict[str | None, Experiment] = {}
    for chosen, root in _variants(document.root):
        try:
            experiments[chosen] = _experiment(root, names, targets)
        except ReadError as wrong:
            findings.add(wrong.findings, f" (in profile {chosen})" if chosen else "")
    findings.raise_any()
    wanted = experiments[None].default_profile if profile is None else profile
    if wanted not in experiments:
        known = [known for known in experiments if known]
        what = (
            f"there is no profile `{shortened(str(wanted))}`, expected {one_of(known or ['none'])}"
        )
        raise UsageError(what, did_you_mean(str(wanted), known))
    return _matrix(experiments[wanted], wanted, targets, document.text)


def _profiles(root: Node) -> Mapping[str, Node]:
    """The sections under `profiles`, as yet unchecked."""
    entry = root.entries.get("profiles") if isinstance(root, Map) else None
    entries = entry.node.entries if entry and isinstance(entry.node, Map) else {}
    return {name: entry.node for name, entry in entries.items()}


def _variants(root: Node) -> Iterator[tuple[str | None, Node]]:
    """The base (None) and each profile merged into it."""
    yield None, root
    profiles = _profiles(root)
    if not isinstance(root, Map) or len(profiles) > MOST_PROFILES:
        return
    entries = {key: entry for key, entry in root.entries.items() if key not in PROFILE_KEYS}
    base = Map(root.name, root.place, entries)
    for name, section in profiles.items():
        if isinstance(section, Map) and not section.entries.keys() & set(PROFILE_KEYS):
            yield name, merge(base, section)


def _experiment(
    root: Node, names: Mapping[str, tuple[str, ...]], targets: Mapping[str, Target]
) -> Experiment:
    """One experiment without regard to its profiles; ReadError with all that is wrong."""
    context = Context(names)
    try:
        experiment = validated(Experiment, root, context)
    except ReadError as wrong:
        raise ReadError(*wrong.findings, *_together(root, context.sound, targets)) from None
    found = tuple(_together(root, context.sound, targets))
    if found:
        raise ReadError(*found)
    return experiment


def _together(
    root: Node, sound: Mapping[str, Any], targets: Mapping[str, Target]
) -> Iterator[Finding]:
    """What is wrong with sections that are right by themselves."""
    if not isinstance(root, Map):
        return
    absent = {
        key: field.get_default(call_default_factory=True)
        for key, field in Experiment.model_fields.items()
        if key not in root.entries and not field.is_required()
    }
    given = {**absent, **sound}
    if not {"setup", "vary", "also"} <= given.keys():
        return
    vary, extras = given["vary"], _extras(given["also"])
    design: AnyDesign | None = given.get("design")
    setup = _setup(given["setup"], vary, design, given.get("objective"))
    found = tuple(combined(root, setup, vary, extras, targets, design.times if design else 1))
    yield from found
    if not found:
        yield from _of_cells(root, given, matrix.cells_of(setup, vary, extras), targets)
    if design and "claim" in given:
        claim = given["claim"].planned() if given["claim"] else None
        yield from unfit(root, design, claim, setup, vary)
    if design and "objective" in given and (load := given.get("load")):
        yield from _of_rates(root, load, design, given["objective"], setup, vary, extras)


def _setup(
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
    design: AnyDesign | None,
    objective: AnObjective | None,
) -> Mapping[str, Level]:
    """With the rate that is to be carried, where no rate is chosen otherwise."""
    rate = objective.rate_per_s if objective else None
    if rate is None or isinstance(design, Carrying) or RATE in setup or RATE in vary:
        return setup
    return {**setup, RATE: plain(rate)}


def _of_rates(
    root: Map,
    load: ClosedLoad | OpenLoad,
    design: AnyDesign,
    objective: AnObjective | None,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
    extras: tuple[matrix.Extra, ...],
) -> Iterator[Finding]:
    """What is wrong with a load beside the rates at which it is to come."""
    surges = [name for name, of in (("setup", setup), ("vary", vary)) if SURGE in of]
    if surges and isinstance(load, ClosedLoad):
        what = f"`{SURGE}` needs a load of `model: open`: a closed one has users"
        yield Finding(root.entries[surges[0]].place, what)
    named = _rates(design, setup, vary)
    beside = {"also": tuple(float(e.set[RATE]) for e in extras if RATE in e.set)}
    for name in (RATE, SURGE):
        if any(name in e.set for e in extras) and name not in {**setup, **vary}:
            do = f"name `{name}` in `setup` or in `vary`, too"
            what = f"`also` sets `{name}`, which no cell has"
            yield Finding(root.entries["also"].place, what, do)
            return
    sections = {
        section if section in root.entries else "objective": rates
        for section, rates in {**named, **beside}.items()
        if rates
    }
    yield from unfit_rates(root, load, sections)
    if objective is None:
        return
    if isinstance(load, ClosedLoad):
        what = "`objective` needs a load of `model: open`: users of a closed one wait and ask less"
        yield Finding(root.entries["objective"].place, what)
        return
    rates = [rate for of in sections.values() for rate in of] or [load.arrivals.per_s or 0.0]
    within = design.search.within if isinstance(design, Carrying) else None
    if min(rates):
        yield from unfit_objective(root, objective.planned(), load.steady, min(rates), within)


def _rates(
    design: AnyDesign, setup: Mapping[str, Level], vary: Mapping[str, tuple[Level, ...]]
) -> dict[str, tuple[float, ...]]:
    """The rates of arrivals that cells have, by the section that names them."""
    found: dict[str, tuple[float, ...]] = {}
    if RATE in setup:
        found["setup"] = (float(setup[RATE]),)
    if RATE in vary:
        found["vary"] = tuple(map(float, vary[RATE]))
    if isinstance(design, Carrying):
        found["design"] = design.search.between
    return found


def _of_cells(
    root: Map, given: Mapping[str, Any], cells: tuple[Cell, ...], targets: Mapping[str, Target]
) -> Iterator[Finding]:
    """What is wrong with sections beside the cells that others mean."""
    if requires := given.get("requires"):
        design = given.get("design")
        if isinstance(design, Carrying):
            what = "a search for a capacity judges no requirement: its trials are to miss them, too"
            do = "`objective` has what a rate is to keep"
            yield Finding(root.entries["requires"].place, what, do)
            return
        searched = design.search.crossover if isinstance(design, Searching) else ""
        yield from without_cells(root, requires, cells, searched)
    if load := given.get("load"):
        yield from unsendable(root, load, cells, targets)


def _extras(also: Mapping[str, Extra]) -> tuple[matrix.Extra, ...]:
    return tuple(
        matrix.Extra(name, extra.because, extra.only, extra.set_to) for name, extra in also.items()
    )


def _matrix(
    experiment: Experiment, profile: str | None, targets: Mapping[str, Target], text: str
) -> Matrix:
    claim = experiment.claim.planned() if experiment.claim else None
    objective, design = experiment.objective, experiment.design
    setup = _setup(experiment.setup, experiment.vary, design, objective)
    rates = [rate for of in _rates(design, setup, experiment.vary).values() for rate in of]
    return Matrix(
        experiment=experiment.experiment,
        claim=claim,
        setup=setup,
        vary=experiment.vary,
        also=_extras(experiment.also),
        load=experiment.load.planned(max(rates, default=0.0)),
        data=plan.Data(experiment.data.posts, experiment.data.cpu_n),
        design=planned(design, claim, objective.rate_per_s if objective else None),
        order=design.order,
        seed=design.seed,
        profile=profile,
        targets=targets,
        text=text,
        requires=tuple(one.planned() for one in experiment.requires),
        objective=objective.planned() if objective else None,
        rate_per_s=objective.rate_per_s if objective else None,
    )
