"""What is written for programs, outside a session: documents, the summary of a GitHub step.

May not know what they say. What cannot be written is told after a report, and loses nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rig.disk.refusals import writing
from rig.model import Annotation, one_line

ACTIONS = "GITHUB_ACTIONS"
"""The variable that is `true` where GitHub Actions reads the output."""

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub Actions names the file of a step's summary."""

MOST_SUMMARY_BYTES = 1 << 20
"""Of which GitHub shows none where a step has more."""

CUT = "The rest is in report.md: a step's summary holds 1 MiB."


def json_text(value: object) -> str:
    """A value as JSON in ASCII, of which no character steers a terminal."""
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def write_document(text: str, path: Path) -> None:
    """OSError, which names the path, where it cannot be written."""
    # in place: it may be a pipe, or /dev/stdout
    with writing(path), path.open("w", encoding="utf-8") as file:
        file.write(text)


def annotation_lines(annotations: Iterable[Annotation]) -> Iterator[str]:
    """As GitHub Actions reads them from the output; none where it does not read."""
    if os.environ.get(ACTIONS) != "true":
        return
    for one in annotations:
        title = _escaped(one_line(one.title)).replace(":", "%3A").replace(",", "%2C")
        yield f"::{one.level} title={title}::{_escaped(one_line(one.text))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def append_step_summary(markdown: Path) -> None:
    """Adds a report to the summary of the step that runs this, where one does. OSError."""
    named = os.environ.get(STEP_SUMMARY)
    if not named:
        return
    path = Path(named)
    with writing(path), path.open("ab") as file:
        room = MOST_SUMMARY_BYTES - file.tell()
        file.write(cut_to(markdown.read_text(encoding="utf-8"), room).encode())


def cut_to(text: str, room_bytes: int) -> str:
    """The whole sections of a Markdown text that fit, and a line where some do not.

    Empty where not even that line fits.
    """
    if len(text.encode()) <= room_bytes:
        return text
    head, *sections = text.split("\n## ")
    kept, note = "", f"\n{CUT}\n"
    room_bytes -= len(note.encode())
    for part in (head, *(f"\n## {section}" for section in sections)):
        room_bytes -= len(part.encode())
        if room_bytes < 0:
            break
        kept += part
    return f"{kept}{note}" if kept else ""
