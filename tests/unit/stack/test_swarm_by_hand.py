"""What the services of stack/swarm.yaml are told is what their roles read."""

from __future__ import annotations

from pathlib import Path

from rig.load.spec import read_spec as read_load
from stack.app.spec import read_spec as read_app
from stack.database.spec import read_spec as read_database

FOLDER = Path(__file__).parents[3] / "stack" / "swarm"


def test_each_role_can_read_what_it_is_told() -> None:
    app = read_app(FOLDER / "app.json")
    assert app.env["PGHOST"] == "postgres"
    assert read_database(FOLDER / "database.json").password_files["app"] == app.password_file
    load = read_load(FOLDER / "load.json")
    assert (load.master_address, load.headless) == ("locust_master", False)
