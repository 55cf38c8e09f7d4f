"""A session that says hostile things wherever text from outside can stand."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.model import Status, Verdict
from rig.record import Check, record_from_json
from tests.hostile import strings
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Made, steady


def hostile_session(folder: Path, url: str, nth: int = 1) -> Path:
    """Route names, levels, claim, host, errors, checks, facts, file names and logs are hostile.

    Every nth text is a route that is measured.
    """
    texts = strings(url)
    # a lone surrogate can stand in JSON and in a file's name, not in a CSV
    plain = [text.replace("\ud800", "") for text in texts]
    factors: list[dict[str, object]] = [
        {"name": "target", "label": texts[18], "unit": "", "levels": ["sync", "async"]},
        {"name": "route", "label": plain[1], "unit": plain[2], "levels": plain},
        {"name": "delay_ms", "label": plain[3], "unit": plain[4], "levels": [0, 100]},
    ]
    trials = []
    for index, text in list(enumerate(plain))[::nth]:
        # a pair is compared and drawn at length: a few say as much as one for each text
        for target in ("sync", "async")[: 1 if index % 4 else 2]:
            levels: dict[str, str | int] = {
                "target": target,
                "route": text,
                "delay_ms": 100 * (index % 2),
            }
            verdict = Verdict.INVALID if index % 7 == 3 else Verdict.VALID
            trials.append(
                Made(levels, steady(20 + index, failed=0.2, why=text), verdict, texts[index])
            )
    made = sessions.make(
        folder, trials, factors, claim={**sessions.CLAIM, "says": texts[18]},
        experiment=texts[18], profile=plain[7], backend=plain[8],
        host={text: text for text in texts}, requires=list(map(_required, plain)),
    )  # fmt: skip
    for number, attempt in enumerate(sorted(folder.glob("trials/*/attempt-1"))):
        _poison(attempt, plain, texts, number)
        _spell_out(attempt / "load" / "completions.csv", plain[number % len(plain)])
    return made


def _required(route: str) -> dict[str, object]:
    limits = [{"of": "p95_ms", "relation": "<", "value": 300}]
    return {"cell": {"route": route, route: route}, "limits": limits}


def _spell_out(completions: Path, outcome: str) -> None:
    """A failure class in full, which no recorder writes."""
    with completions.open(newline="", encoding="utf-8") as file:
        head, *lines = csv.reader(file)
    at, told = head.index("outcome"), sessions.recorded(outcome)
    for line in lines:
        line[at] = outcome if line[at] == told else line[at]
    sessions.write(completions, head, lines)


def _poison(attempt: Path, plain: list[str], texts: tuple[str, ...], number: int) -> None:
    manifest = attempt / "manifest.json"
    record = record_from_json(json.loads(manifest.read_text()))
    text = texts[number % len(texts)]
    facts: Any = {text: {text: text, "versions": {text: text}}}
    poisoned = replace(
        record,
        facts=facts,
        checks=(Check(text, Status.WARN, text),),
        verdict=record.verdict,
    )
    manifest.write_text(json.dumps(poisoned.to_json()))
    logs = attempt / "logs"
    logs.mkdir()
    name = texts[number % len(texts)].replace("/", "_").replace("\x00", "")
    # surrogates below dc80 are not what a file system's undecodable bytes become
    name = name.replace("\ud800", "\udcff")
    (logs / name).write_text("\n".join(plain), encoding="utf-8")
