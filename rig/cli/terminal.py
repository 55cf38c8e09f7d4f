"""What is said on the terminal: the only file of the rig that prints.

Text from outside is shown as it is: no markup is read from it, and a character that would steer
the terminal is spelt out. May not know what is said.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from rig.model import one_line, printable


class Screen(Console):
    """A console for text from outside; `say` is for lines, `print` for the live view."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)
        if isinstance(self.file, io.TextIOWrapper):
            # an encoding that lacks a character shows its number, and ends nothing
            self.file.reconfigure(errors="backslashreplace")

    def say(self, text: str, style: str = "") -> None:
        """One line or several, never cut to the terminal's width."""
        self.print(text, style=style, soft_wrap=True)

    def say_line(self, text: str, style: str = "") -> None:
        """One line, whatever stands in the text: nobody's words pass for a line of the rig."""
        self.say(one_line(text), style)

    def document(self, text: str) -> None:
        """What programs read, in UTF-8: whoever made it has spelt out what would steer."""
        self.file.flush()
        if isinstance(self.file, io.TextIOWrapper):
            self.file.buffer.write(text.encode())
        else:
            self.file.write(text)

    def ask(self, question: str) -> None:
        """Goes on where the answer is yes; click.Abort otherwise."""
        click.confirm(printable(question), default=True, abort=True)

    def render_str(self, text: str, **options: Any) -> Text:
        # before rich makes it a Text, which drops some control characters
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        # everything passes here, whoever made it; only rich's own control codes are kept
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def flush() -> None:
    """Standard output is with its reader when this returns. OSError."""
    sys.stdout.flush()
