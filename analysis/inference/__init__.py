"""What may be said of a session's numbers: ratios, effects, the claim. Pure values in and out.

The unit of analysis is the trial; its response is the log of its goodput; replicates stand in
blocks. A report does, in this order:

1. one `Observation` per scheduled trial: its levels, its block, its goodput (or another measure
   above zero), whether it is valid, and `within(...)` of its correct answers;
2. `pairs(observations, claim.factor, claim.numerator, claim.denominator)`: the ratios;
3. `judge_claim(pairs, Bound(...))`: a JudgedClaim;
4. `effects(observations, {claim.factor: levels, ...})`: main effects and interactions;
5. `crossovers(observations, claim.factor, ..., along=search.factor, between=search.between)` of a
   session that searched for one.

`adaptive=session.adaptive` in 2 and 4. May not know
sessions, files or how a report looks.
"""

from analysis.inference.claim import (
    AGAINST,
    BY_REPEATS,
    BY_SINGLE_RUNS,
    DECIDED,
    FOR,
    LOWER_IS_BETTER,
    SURE_OF_SEARCH,
    Bound,
    ClaimResult,
    JudgedClaim,
    JudgedPair,
    Judgement,
    PValue,
    factors_varying,
    judge_claim,
)
from analysis.inference.effects import Effect, effects
from analysis.inference.limits import Basis, Estimate
from analysis.inference.order_statistics import Second, ranks_around, scatter_of
from analysis.inference.ranks import rank_p, ranks_can_decide
from analysis.inference.repeated import geometric_mean_interval
from analysis.inference.repeats import MOST as MOST_REPEATS
from analysis.inference.repeats import RepeatRange, repeats_needed
from analysis.inference.sessions import falls_alone, session_ratios
from analysis.inference.within import within
from rig.inference import (
    ADAPTIVE_CONFIDENCE,
    CLAIMED,
    CONFIDENCE,
    MOST_FAILURES,
    Kind,
    Observation,
    PairRatio,
    WithinTrialError,
    pairs,
    width,
)
from rig.inference.crossover import MOST_PAIRS, Crossover, Outcome, crossovers
from rig.inference.ratio_line import Point
from rig.inference.single_runs import TRIAL_CV, single_run_p

__all__ = [
    "ADAPTIVE_CONFIDENCE",
    "AGAINST",
    "BY_REPEATS",
    "BY_SINGLE_RUNS",
    "CLAIMED",
    "CONFIDENCE",
    "DECIDED",
    "FOR",
    "LOWER_IS_BETTER",
    "MOST_FAILURES",
    "MOST_PAIRS",
    "MOST_REPEATS",
    "SURE_OF_SEARCH",
    "TRIAL_CV",
    "Basis",
    "Bound",
    "ClaimResult",
    "Crossover",
    "Effect",
    "Estimate",
    "JudgedClaim",
    "JudgedPair",
    "Judgement",
    "Kind",
    "Observation",
    "Outcome",
    "PValue",
    "PairRatio",
    "Point",
    "RepeatRange",
    "Second",
    "WithinTrialError",
    "crossovers",
    "effects",
    "factors_varying",
    "falls_alone",
    "geometric_mean_interval",
    "judge_claim",
    "pairs",
    "rank_p",
    "ranks_around",
    "ranks_can_decide",
    "repeats_needed",
    "scatter_of",
    "session_ratios",
    "single_run_p",
    "width",
    "within",
]
