"""The facts of the original study, and what follows from them."""

from __future__ import annotations

from analysis.original import CLAIMS, IO_ROUTES, inconsistencies, read_original

CELLS = read_original()
RATES = {cell.key: cell.best_rps for cell in CELLS}


def test_all_its_cells_are_there() -> None:
    assert len({cell.key for cell in CELLS}) == 27
    assert {cell.key[0] for cell in CELLS} == {"cpu", *IO_ROUTES}


def test_published_figures_that_do_not_follow_are_named() -> None:
    said = "\n".join(inconsistencies(CELLS))
    for figure in ("4680 successes", "97 successes", "36 /s", "171.4 /s", "185 /s"):
        assert figure in said
    assert "113 to 180 s" in said
    assert "cpu · 0 ms · async: 1579 of 1603 requests failed, half of them within 31 s" in said


def test_its_claims_on_its_own_data() -> None:
    held = {claim.says: claim.holds(lambda *key: RATES.get(key)) for claim in CLAIMS}
    assert held[CLAIMS[1].says] is True
    assert held[CLAIMS[2].says] is False  # io_create falls from 189 to 83
    assert held[CLAIMS[4].says] is True


def test_missing_cells_are_no_answer() -> None:
    assert [claim.holds(lambda *_: None) for claim in CLAIMS] == [None] * len(CLAIMS)
