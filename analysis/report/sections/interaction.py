"""How the factors act, alone and together, on the log of goodput."""

from __future__ import annotations

from analysis.inference import Effect, Kind
from analysis.report.blocks import Absent, Block, Fold, Section, Table, Words, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, between, p_value, times
from rig.inference.ratios import CLAIMED
from rig.model import Level

TITLE = "Interactions"


def section(inputs: ReportInputs) -> Section | Absent:
    """The table of effects: interactions first, for they are the study's question."""
    found = [effect for effect in inputs.effects if effect.ratio is not None]
    unknown = [effect.name for effect in inputs.effects if effect.ratio is None]
    if not found:
        return Absent(TITLE, "no two factors vary together in valid trials")
    heading = ["effect", "step", "ratio", "95 % interval", "interval type", "p (Holm)", "claimed"]
    together = [_row(inputs, effect) for effect in _by_order(found) if effect.order > 1]
    alone = [_row(inputs, effect) for effect in found if effect.order == 1]
    blocks: list[Block] = [
        para(_lead(found, claim.of if (claim := inputs.session.claim) else "goodput_rps"))
    ]
    if not inputs.progress.ended:
        blocks.append(para("The session has not ended, so nothing is claimed yet."))
    blocks += [Table(heading, together, numbers_from=2)] if together else []
    blocks.append(Fold(("Main effects",), [Table(heading, alone, numbers_from=2)]))
    if unknown:
        names = ", ".join(unknown)
        blocks.append(
            para(f"Cannot be estimated separately from blocks or cells: {names}.", quiet=True)
        )
    return Section("interaction", TITLE, blocks)


def _by_order(found: list[Effect]) -> list[Effect]:
    return sorted(found, key=lambda effect: -effect.order)


def _lead(found: list[Effect], of: str) -> str:
    words = (
        "An interaction of 1 means that two factors act independently. At 5, the first step's "
        f"ratio is five times larger after the second step. Response: log of {of}. Unit of "
        "analysis: the trial, in blocks. "
    )
    if any(effect.kind is Kind.BETWEEN_TRIALS for effect in found):
        return words + (
            f"Claimed: p below {CLAIMED:g} after Holm's method over all effects listed here. An "
            "interval is for its effect alone, so it may exclude 1 without a claim."
        )
    return words + (
        "With one replicate, the scatter between trials is unknown. Intervals are within trials, "
        "and no significance is claimed. Where there is none, a trial was too short to tell."
    )


def _row(inputs: ReportInputs, effect: Effect) -> tuple[Words, ...]:
    steps = "; ".join(f"{_level(inputs, n, of)} → {_level(inputs, n, to)}"
                      for n, to, of in effect.steps)  # fmt: skip
    part = "" if effect.used == effect.of else f" (over {effect.used} of {effect.of} combinations)"
    claimed = NOTHING if effect.p_holm is None else ("yes" if effect.claimed else "no")
    return row(
        effect.name,
        steps + part,
        times(effect.ratio),
        between(effect.low, effect.high),
        NOTHING if effect.kind is Kind.NONE else effect.kind.value,
        p_value(effect.p_holm),
        claimed,
    )


def _level(inputs: ReportInputs, name: str, level: Level) -> str:
    factor = inputs.session.factor(name)
    return factor.value(level) if factor else str(level)
