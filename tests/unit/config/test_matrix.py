from __future__ import annotations

from dataclasses import replace

import pytest

from rig.config import Extra, Repeats, cells, with_options
from rig.factors import FACTORS, of_every_cell
from rig.model import UsageError

from .conftest import Read


def test_cells_are_the_cross_product_in_listed_order_then_the_extras(read: Read) -> None:
    names = ("route", "target", "delay_ms", "max_connections")
    assert [tuple(cell.levels[name] for name in names) for cell in cells(read())] == [
        ("cpu", "sync", 0, 100),
        ("cpu", "sync", 100, 100),
        ("cpu", "async", 0, 100),
        ("cpu", "async", 100, 100),
        ("io_create", "sync", 0, 100),
        ("io_create", "sync", 100, 100),
        ("io_create", "async", 0, 100),
        ("io_create", "async", 100, 100),
        ("cpu", "async", 100, 1000),
        ("io_create", "async", 100, 1000),
    ]


def test_every_cell_has_every_factor(read: Read) -> None:
    for cell in cells(read()):
        assert tuple(cell.levels) == of_every_cell()
        assert cell.levels["pool_size"] == FACTORS["pool_size"].default


def test_only_extra_cells_say_why_they_are_there(read: Read) -> None:
    whys = [cell.because for cell in cells(read())]
    assert whys == [""] * 8 + ["the cap lifted"] * 2


def test_equal_cells_of_two_extras_are_one(read: Read) -> None:
    matrix = read()
    again = Extra("again", "once more", {"target": ("async",)}, {"max_connections": 1000})
    both = cells(replace(matrix, also=(*matrix.also, again)))
    assert len(both) == 8 + 4
    assert [cell.because for cell in both[8:]] == ["the cap lifted"] * 2 + ["once more"] * 2


def test_options_override_what_they_name(read: Read) -> None:
    matrix = read()
    assert with_options(matrix) == matrix
    other = with_options(matrix, seed=0, repeats=5, load_workers=4)
    assert (other.seed, other.design, other.load.load_workers) == (0, Repeats(5), 4)
    assert other.load.model == matrix.load.model


@pytest.mark.parametrize("option", [{"repeats": 0}, {"load_workers": 0}, {"load_workers": 65}])
def test_options_have_bounds(read: Read, option: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="expected 1 to"):
        with_options(read(), **option)
