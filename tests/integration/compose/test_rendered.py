"""What Compose makes of the stack's files: nothing has more rights than it needs."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from rig.backends.docker.engine import LABEL
from tests.integration.compose.containers import call, docker, rendered

pytestmark = [pytest.mark.compose, pytest.mark.beside]

APPS = {"django_sync", "django_async", "target"}
HELPERS = {"service_1", "service_2", "service_3"}
FOR_THE_DELAY = {"NET_ADMIN", "NET_RAW"}
TO_BECOME_ANOTHER_USER = {"SETUID", "SETGID", "SETPCAP", "KILL"}
# writes the files of both volumes as their owner, and has no network at all
ROOT_WITHOUT_NETWORK = {"prepare"}
OTHER_PEOPLE_S = ("/target", "/project", "/locust", "/locust-packages")
"""Code that is not the rig's."""
RIGS = ("compose.yaml", "compose.rig.yaml")
STACKS: dict[str, dict[str, Any]] = {}


def stack(name: str) -> dict[str, Any]:
    """A rendered file, made when it is first asked for."""
    if name not in STACKS:
        STACKS[name] = {
            "by hand": lambda: rendered("compose.yaml"),
            "sync, pgbouncer": lambda: rendered("compose.yaml", TARGET="sync", POOLER="pgbouncer"),
            "every profile": lambda: rendered("compose.yaml", profiles=["*"]),
            "the rig's": lambda: rendered(*RIGS, profiles=["*"]),
        }[name]()
    return STACKS[name]


@pytest.fixture(params=["by hand", "sync, pgbouncer", "every profile", "the rig's"])
def file(request: pytest.FixtureRequest) -> dict[str, Any]:
    return stack(request.param)


@pytest.fixture
def services(file: dict[str, Any]) -> dict[str, Any]:
    """All that Compose ever starts: `own` is built only, `observer` is the Swarm backend's."""
    return {name: it for name, it in file["services"].items() if name not in ("own", "observer")}


def test_which_services_run() -> None:
    always = {"prepare", "seed", "postgres", "locust_master", "locust_worker"}
    assert set(stack("by hand")["services"]) == {*always, "django_async"}
    assert set(stack("sync, pgbouncer")["services"]) == {*always, "django_sync", "pgbouncer"}
    assert set(stack("the rig's")["services"]) >= APPS


def test_only_the_app_has_capabilities_and_only_those_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        wanted = FOR_THE_DELAY | TO_BECOME_ANOTHER_USER if name in APPS else set()
        assert (name, service["cap_drop"]) == (name, ["ALL"])
        assert (name, set(service.get("cap_add", []))) == (name, wanted)


def test_an_observer_may_look_at_every_process_and_do_nothing_else() -> None:
    observer = stack("the rig's")["services"]["observer"]
    assert observer["cap_drop"] == ["ALL"]
    assert set(observer["cap_add"]) == {"SYS_PTRACE", "DAC_READ_SEARCH"}
    assert (observer["pid"], observer["read_only"]) == ("host", True)
    assert observer["security_opt"] == ["no-new-privileges:true"]
    assert not observer.get("privileged")
    assert not observer.get("volumes")
    assert "ports" not in observer


def test_nobody_gains_rights_or_writes_to_its_image(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert (name, service["security_opt"]) == (name, ["no-new-privileges:true"])
        assert (name, service["read_only"]) == (name, True)
        for key in ("privileged", "devices", "pid", "ipc", "userns_mode", "group_add"):
            assert not service.get(key), (name, key)
        assert service.get("network_mode", "none") == "none"
        assert all("docker.sock" not in json.dumps(it) for it in service.get("volumes", []))


def test_secrets_and_other_peoples_code_are_mounted_read_only(services: dict[str, Any]) -> None:
    for name, service in services.items():
        mounts = {mount["target"]: mount for mount in service.get("volumes", [])}
        for target, mount in mounts.items():
            if target.startswith(("/secrets", *OTHER_PEOPLE_S)) and name != "prepare":
                assert mount.get("read_only") is True, name
        secrets = {target for target in mounts if target.startswith("/secrets")}
        assert bool(secrets) == (not name.startswith("locust")), name


OF_THE_RIG = {
    **dict.fromkeys(APPS, ("app", {"/roles/app/out", "/root/delay"}, {"app", "pgpass"})),
    "postgres": ("database", {"/roles/database/out", "/clusters"}, {"superuser", "app"}),
    "pgbouncer": ("pooler", {"/roles/pooler/out"}, {"app"}),
    "locust_master": ("load_master", {"/roles/load_master/out"}, set()),
    "locust_worker": ("load_worker", {"/roles/load_worker/out"}, set()),
}


@pytest.mark.parametrize("name", OF_THE_RIG)
def test_a_role_sees_its_own_folder_and_writes_one_place_in_it(name: str) -> None:
    role, written, secrets = OF_THE_RIG[name]
    mounts = {mount["target"]: mount for mount in stack("the rig's")["services"][name]["volumes"]}
    assert {target for target, mount in mounts.items() if not mount.get("read_only")} == written
    read = {f"/roles/{role}", *(f"/secrets/{secret}" for secret in secrets)}
    assert set(mounts) - written - {*OTHER_PEOPLE_S} == read


def test_no_log_fills_the_disk(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert "max-size" in service["logging"]["options"], name


def test_limits_protect_and_do_not_shape(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["pids_limit"] >= 2000, name
        files = service["ulimits"]["nofile"]
        assert min(files["soft"], files["hard"]) >= 65_536, name
        assert int(service["mem_limit"]) >= 2 << 30, name
        quotas = {"cpus", "cpu_quota", "cpu_shares", "cpu_period", "cpu_count", "deploy"}
        assert not quotas & set(service), name


def test_cpus_are_given_as_sets() -> None:
    sets = {"RIG_CPUS_APP": "1", "RIG_CPUS_DATABASE": "0", "RIG_CPUS_POOLER": "2"}
    services = rendered(*RIGS, profiles=["*"], RIG_CPUS_LOAD="3", **sets)["services"]
    wanted = {
        **dict.fromkeys(APPS, "1"), **dict.fromkeys(HELPERS, "0"), "postgres": "0",
        "pgbouncer": "2", "locust_master": "3", "locust_worker": "3",
    }  # fmt: skip
    assert {name: services[name]["cpuset"] for name in wanted} == wanted


def test_what_is_published_is_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published
    for ports in published.values():
        assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_the_rig_publishes_what_it_asks_alone() -> None:
    services = stack("the rig's")["services"]
    published = {name for name in services if services[name].get("ports")}
    assert published == {"postgres", "pgbouncer", "locust_master", *APPS, *HELPERS}


def test_data_services_and_control_lead_nowhere_else(file: dict[str, Any]) -> None:
    networks = file["networks"]
    subnets = []
    for network in networks.values():
        (config,) = network["ipam"]["config"]
        subnets.append(ipaddress.IPv4Network(config["subnet"]))
    assert all(net.subnet_of(ipaddress.IPv4Network("198.18.0.0/15")) for net in subnets)
    assert len(set(subnets)) == len(networks)
    internal = {name for name, network in networks.items() if network.get("internal")}
    assert internal == {"data", "services", "control"}
    on_control = {
        name for name, it in file["services"].items() if "control" in it.get("networks", {})
    }
    assert on_control == {"locust_master", "locust_worker"}
    assert not {"front"} & set(file["services"]["postgres"]["networks"])


def test_everything_carries_our_label() -> None:
    labelled = rendered(*RIGS, profiles=["*"], RIG_SESSION="some-session")
    for kind in ("services", "networks", "volumes"):
        for name, it in labelled[kind].items():
            if not it.get("external"):
                assert it["labels"] == {LABEL: "some-session"}, name
    by_hand = stack("by hand")
    for kind in ("services", "networks", "volumes"):
        assert all(it["labels"] == {LABEL: "by-hand"} for it in by_hand[kind].values())


def test_an_image_is_the_same_for_every_session() -> None:
    builds = [
        {
            name: service["build"]
            for name, service in rendered(*RIGS, profiles=["*"], RIG_SESSION=it)["services"].items()
        }
        for it in ("one", "another")
    ]
    assert builds[0] == builds[1]


def test_no_health_check_runs_beside_a_measurement() -> None:
    """Each would start a Python every second on the app worker's own CPU."""
    for name, service in stack("the rig's")["services"].items():
        if name not in ("prepare", "seed"):
            assert service.get("healthcheck", {"disable": True}).get("disable") is True, name


@pytest.fixture(scope="module")
def built() -> None:
    """The images, from the files as they are now."""
    done = call(
        "docker", "compose", "--file", "stack/compose.yaml", "--profile", "*", "build", "--quiet"
    )
    assert done.code == 0, done.err


def test_images_run_as_an_ordinary_user(built: None) -> None:
    for name, service in stack("every profile")["services"].items():
        user = docker("image", "inspect", "--format", "{{.Config.User}}", service["image"]).strip()
        root = name in APPS | ROOT_WITHOUT_NETWORK
        assert service.get("user", user) == ("" if root else "rig"), name
    assert stack("by hand")["services"]["prepare"]["network_mode"] == "none"


def test_images_hold_neither_certificates_nor_an_index(built: None) -> None:
    for service in stack("every profile")["services"].values():
        history = docker("image", "history", "--no-trunc", "--quiet=false", service["image"])
        config = docker("image", "inspect", service["image"])
        for word in ("PIP_INDEX_URL=", "PIP_CERT=/"):
            assert word not in config + history.replace("PIP_CERT=/run/secrets/ca", "")


def test_a_target_s_folder_is_mounted_whatever_its_name() -> None:
    service = rendered(*RIGS, profiles=["*"], RIG_TARGET="/some:where/a:b,c")["services"]["target"]
    (mount,) = (one for one in service["volumes"] if one["target"] == "/target")
    assert (mount["source"], mount["read_only"]) == ("/some:where/a:b,c", True)
