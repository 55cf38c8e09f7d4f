"""A Record goes to JSON and comes back the same."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rig.checks import judge
from rig.model import SCHEMA, Status, Verdict
from rig.record import Check, DelayFacts, ProbeFacts, RoleUse, Span, record_from_json
from tests.unit.plans import PLAN, path, record


def test_there_and_back() -> None:
    checks, verdict, why = judge(PLAN, record())
    whole = replace(
        record(),
        spans=(Span("provision", 0.0, 1.5), Span("load", 1.5, 9.0, "it broke")),
        facts={"app": {"pid": 7, "versions": {"Django": "5.2"}}},
        delay=DelayFacts("nfqueue", "why", (path("front", 1.0, lost=2),), 5, 1, 2, 0, False),
        probes=ProbeFacts(roles={"app": RoleUse(0.5, 0.9, 1 << 20, 12.5)}, app_busy_share=0.5),
        checks=(*checks, Check("more", Status.WARN, "says", again=True)),
        verdict=verdict,
        why=why,
        files={"load/load.json": "00ff"},
    )
    back = record_from_json(json.loads(json.dumps(whole.to_json())))
    assert back == whole
    assert isinstance(back.verdict, Verdict)
    assert isinstance(back.checks[0].status, Status)
    assert isinstance(back.delay.paths[0].before_ms, tuple)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (SCHEMA - 1, f"schema {SCHEMA - 1} is older than this code's {SCHEMA}; measure it again"),
        (SCHEMA + 1, f"schema {SCHEMA + 1} is newer than this code's {SCHEMA}; update the code"),
    ],
)
def test_another_schema_is_refused(schema: int, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}$"):
        record_from_json({**record().to_json(), "schema": schema})


@pytest.mark.parametrize("missing", ["schema", "delay", "load", "verdict", "spans"])
def test_what_is_no_manifest_is_refused(missing: str) -> None:
    data = record().to_json()
    del data[missing]
    with pytest.raises(ValueError, match=f"{missing} is missing"):
        record_from_json(data)


def test_an_unknown_member_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise is not known"):
        record_from_json({**record().to_json(), "surprise": 1})
