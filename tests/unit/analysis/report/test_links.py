"""Links lead to parts of the page and to files of the session, nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.blocks import Link
from analysis.report.links import href


@given(st.lists(st.text(min_size=1), min_size=1))
def test_every_path_makes_a_link_that_is_allowed(parts: list[str]) -> None:
    made = href("..", "trials", *parts)
    assert made.startswith("../trials")
    assert "/../" not in made
    assert Link("x", made).to == made


@pytest.mark.parametrize(
    "to",
    [
        *("javascript:alert(1)", "https://example.com", "//example.com/x", "/etc/passwd"),
        *("data:text/html,x", "a b", "x?y", "a:b"),
    ],
)
def test_links_lead_nowhere_else(to: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        Link("x", to)


def test_a_link_of_the_page_is_fine() -> None:
    assert Link("x", "#trial-1").to == "#trial-1"
