"""What several rooms of the unit tests need."""

from __future__ import annotations

import io

import pytest
from matplotlib.figure import Figure


def without_drawing(patched: pytest.MonkeyPatch) -> None:
    """Figures are laid out, and not drawn: where no test looks at one, that is most of the time."""

    def savefig(_: Figure, out: object, format: str, **__: object) -> None:
        if isinstance(out, io.StringIO):
            out.write("<svg><defs></defs></svg>")

    patched.setattr(Figure, "savefig", savefig)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test that asks for it looks at a drawing."""
    without_drawing(monkeypatch)
