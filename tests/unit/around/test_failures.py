"""What a request failed of is said once, in one line, whatever the project logs."""

from __future__ import annotations

import pytest
from django.core.signals import got_request_exception

import bench_failures
from analysis.reading.role_logs import exceptions


@pytest.fixture
def told() -> None:
    bench_failures.tell()
    bench_failures.tell()  # a server that loads the project twice


@pytest.mark.usefixtures("told")
def test_an_exception_is_one_line_that_the_report_reads(
    capfd: pytest.CaptureFixture[str],
) -> None:
    try:
        raise ValueError("a\nb" + "c" * 1000)
    except ValueError:
        got_request_exception.send(sender=None)
    got_request_exception.send(sender=None)  # nothing was raised
    said = capfd.readouterr().err
    assert said == "request failed: ValueError: a\n"
    assert list(exceptions(said.splitlines())) == ["ValueError: a"]


def test_a_long_one_is_cut(told: None, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("c" * 1000)
    except ValueError:
        got_request_exception.send(sender=None)
    assert len(capfd.readouterr().err) < 450
