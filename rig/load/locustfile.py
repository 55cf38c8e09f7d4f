"""What Locust runs: the users and their ramp, and who this process is, load master or load worker.

Each loads it from their own copy; what either does stands in `master.py` and `worker.py`.
"""

from __future__ import annotations

import gc
from typing import Any

import gevent
import locust.argument_parser
import locust.runners
from locust import LoadTestShape, User, events
from locust.env import Environment

from rig.load import master, worker
from rig.load.counting.report import INTERVAL_S
from rig.load.process import GATHERS, MODEL, SPEC, LoadClock
from rig.load.shape import Closed, Open
from rig.load.spec import PLAIN
from rig.load.users.own_users import own_users

locust.runners.WORKER_REPORT_INTERVAL = INTERVAL_S
# Load workers go by the wall clock there, and would leave when it is set; whoever started them
# ends them.
locust.runners.MASTER_HEARTBEAT_TIMEOUT = 10**9

# At every step of the ramp Locust would build its argument parser some fifty times, which stops a
# load worker for 80 ms and more, the last time in the steady window.
_arguments = locust.argument_parser.default_args_dict()
locust.argument_parser.default_args_dict = lambda: _arguments

COLLECTIONS = (10_000, 50, 1000)
"""So many new objects until they are gone through; so many times, until those that stayed are,
too; and so many times that, until all are."""


def _user_class() -> type[User]:
    """Who loads the target: by the load's model, and the client that it names."""
    if SPEC.client == PLAIN:
        from rig.load.users.plain_users import PlainArrivals, PlainUser

        return PlainUser if isinstance(MODEL, Closed) else PlainArrivals
    from rig.load.users.locust_users import LocustArrivals, LocustUser

    return LocustUser if isinstance(MODEL, Closed) else LocustArrivals


# Locust finds its users by looking around here
if own_users is None:
    TargetUser = _user_class()
else:
    globals().update(own_users.classes())


if SPEC.headless:

    class Ramp(LoadTestShape):
        """Users as the plan asks; ends the load at its exact end."""

        def tick(self) -> tuple[int, float] | None:
            if GATHERS and not LoadClock.at_s:
                return MODEL.most_in_flight, MODEL.most_in_flight
            left_s = SPEC.duration_s - LoadClock.elapsed_s()
            if left_s < 1.0:
                gevent.sleep(max(0.0, left_s))
                master.finish(self.runner)
                return None
            if isinstance(MODEL, Open):
                return SPEC.load_workers, SPEC.load_workers
            if GATHERS:
                return MODEL.most_in_flight, MODEL.most_in_flight  # who is to ask, users know
            # Locust asks a second after it has last done so, and a little later each time
            if (into_s := LoadClock.elapsed_s() % 1.0) > 0.5:
                gevent.sleep(1.0 - into_s)
            # spawned at once: the steps of the ramp are made here, a second apart
            step_users = MODEL.most_in_flight
            return MODEL.users.at(LoadClock.elapsed_s()), step_users


@events.init.add_listener
def _init(environment: Environment, **_: Any) -> None:
    is_worker = isinstance(environment.runner, locust.runners.WorkerRunner)
    if is_worker:
        worker.report(environment)
    else:
        master.listen(environment)
    if not SPEC.headless:
        return  # somebody looks around by hand, on Locust's own page
    _collect_seldom(never=is_worker and own_users is None and SPEC.client == PLAIN)
    if is_worker:
        worker.follow(environment)
    elif isinstance(environment.runner, locust.runners.MasterRunner):
        master.lead(environment)


def _collect_seldom(never: bool) -> None:
    """Leaves what the imports made out of every later garbage collection, and has few of those.

    One that goes through it stops all greenlets for 20 to 60 ms, in the middle of the load; and so
    does one through what thousands of requests in flight hold. `never`: where nothing that is made
    needs one, as of the rig's own users with the rig's own client. There each that a ramp to
    thousands of connections brought about took 10 ms, and found nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    if never:
        gc.disable()
