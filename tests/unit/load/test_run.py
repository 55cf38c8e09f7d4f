"""Locust's command lines."""

from __future__ import annotations

from pathlib import Path

from rig.load.run import master_arguments, worker_arguments
from tests.unit.load.test_spec import SPEC


def value_of(arguments: list[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def test_the_master_waits_for_its_load_workers_but_not_for_ever() -> None:
    arguments = master_arguments(SPEC, Path("out"))
    assert value_of(arguments, "--expect-workers") == "2"
    assert 0 < int(value_of(arguments, "--expect-workers-max-wait")) < 3600
    assert value_of(arguments, "--csv").startswith("out")


def test_the_rpc_stays_on_the_control_link() -> None:
    arguments = master_arguments(SPEC, Path("out"))
    assert value_of(arguments, "--master-bind-host") == SPEC.master_address
    worker = worker_arguments(SPEC)
    assert value_of(worker, "--master-host") == SPEC.master_address
    assert value_of(worker, "--master-port") == value_of(arguments, "--master-bind-port")
