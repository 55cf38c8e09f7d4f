"""Why uv failed, in one line, as several of its versions say it."""

from __future__ import annotations

import pytest

from rig.backends.environment.making import conflict
from rig.backends.environment.uv import cause

UNREACHED = """\
error: Request failed after 3 retries in 9.9s
  cause: Failed to fetch: http://127.0.0.1:9/simple/flask/
  cause: error sending request for url (http://127.0.0.1:9/simple/flask/)
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
UNBUILT = """\
Resolved 1 package in 278ms
   Building mysqlclient==2.0.0
error: Failed to build `mysqlclient==2.0.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         [stderr]
         /bin/sh: 1: mysql_config: not found
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
         OSError: mysql_config not found

hint: Build failures usually indicate a problem with the package or the build environment
"""
UNCOMPILED = """\
error: Failed to build `psycopg2-binary==2.9.6`
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)
         [stderr]
         psycopg/utils.c: In function 'psyco_ensure_bytes':
         psycopg/utils.c:397:12: error: implicit declaration of function '_PyInterpreterState_Get'
         error: Command '['gcc', '-c']' returned non-zero exit status 1.
"""
UNSOLVED = """\
error: No solution found when resolving dependencies
  cause: Because there is no version of django==99 and you require django==99, we can conclude
         that your requirements are unsatisfiable.
"""
UNSOLVED_BEFORE = """\
  × No solution found when resolving dependencies:
  ╰─▶ Because uvicorn-worker==0.3.0 depends on uvicorn>=0.15.0 and you require uvicorn==0.11.8,
      we can conclude that your requirements and uvicorn-worker==0.3.0 are incompatible.
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            UNREACHED,
            "Failed to fetch: http://127.0.0.1:9/simple/flask/: Connection refused (os error 111)",
        ),
        (UNBUILT, "Failed to build `mysqlclient==2.0.0`: OSError: mysql_config not found"),
        (
            UNSOLVED,
            "Because there is no version of django==99 and you require django==99, we can conclude "
            "that your requirements are unsatisfiable.",
        ),
        (
            UNCOMPILED,
            "Failed to build `psycopg2-binary==2.9.6`: psycopg/utils.c:397:12: error: implicit "
            "declaration of function '_PyInterpreterState_Get'",
        ),
        ("error: File not found: `nothere.txt`\n", "File not found: `nothere.txt`"),
        ("thread panicked\n\n", "thread panicked"),
        ("", "no reason given"),
    ],
    ids=["unreached", "unbuilt", "unsolved", "uncompiled", "missing", "unknown", "silent"],
)
def test_the_cause_is_one_line(said: str, why: str) -> None:
    assert cause(said) == why


def test_a_conflict_names_the_package_what_is_wanted_and_what_is_there() -> None:
    said = conflict(cause(UNSOLVED_BEFORE), {"uvicorn": "0.11.8"}, ["uvicorn-worker"])
    assert said == "uvicorn-worker needs uvicorn>=0.15.0, and the project has uvicorn 0.11.8"


def test_without_a_package_of_the_project_s_the_cause_is_said() -> None:
    said = conflict(cause(UNSOLVED), {"click": "7.0"}, ["granian"])
    assert said.startswith("granian cannot be installed beside it: Because there is no version")
