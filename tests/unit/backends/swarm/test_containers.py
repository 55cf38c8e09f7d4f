"""What confines a container on a node: all that stack/compose.yaml says, and nothing forgotten."""

from __future__ import annotations

import pytest

from rig.backends.swarm.containers import mounts, options, started_as

SERVICE = {
    "cap_add": ["NET_ADMIN"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "read_only": True,
    "tmpfs": ["/tmp:mode=1777"],
    "sysctls": {"net.ipv4.ip_forward": "1"},
    "ulimits": {"nofile": {"soft": 100, "hard": 200}},
    "pids_limit": 4096,
    "mem_limit": "4294967296",
    "shm_size": "1073741824",
    "stop_signal": "SIGINT",
    "user": "rig",
    "pid": "host",
    "logging": {"driver": "json-file", "options": {"max-size": "16m"}},
}


def test_every_limit_of_a_service_is_an_option() -> None:
    said = options(SERVICE)
    assert said == [
        *("--no-healthcheck", "--read-only", "--cap-add", "NET_ADMIN", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges:true", "--tmpfs", "/tmp:mode=1777"),
        *("--pids-limit", "4096", "--memory", "4294967296", "--shm-size", "1073741824"),
        *("--stop-signal", "SIGINT", "--user", "rig", "--pid", "host"),
        *("--sysctl", "net.ipv4.ip_forward=1", "--ulimit", "nofile=100:200"),
        *("--log-driver", "json-file", "--log-opt", "max-size=16m"),
    ]
    assert options({"image": "x", "cpuset": "1"}) == ["--no-healthcheck"]


def test_a_key_that_nobody_carries_out_is_no_secret() -> None:
    with pytest.raises(ValueError, match="`privileged` is not carried out on a Swarm"):
        options({**SERVICE, "privileged": False})


def test_what_a_role_may_not_write_is_mounted_read_only() -> None:
    said = mounts({"/roles/app": ("/v/app", False), "/roles/app/out": ("/v/app/out", True)})
    assert said == [
        *("--mount", "type=bind,source=/v/app,target=/roles/app,readonly"),
        *("--mount", "type=bind,source=/v/app/out,target=/roles/app/out"),
    ]


def test_a_service_with_an_entry_point_of_its_own_is_started_by_it() -> None:
    asked = {"command": ["/roles/service/spec.json"]}
    assert started_as(asked) == ([], ["/roles/service/spec.json"])
    own = {**asked, "entrypoint": ["python3", "-P", "-m", "stack.app"]}
    words = ["-P", "-m", "stack.app", "/roles/service/spec.json"]
    assert started_as(own) == (["--entrypoint", "python3"], words)
