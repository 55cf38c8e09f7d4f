"""Strings that do something if a page, a forge or a terminal takes them for more than text."""

from __future__ import annotations

import re

CANARY = "http://127.0.0.1:{port}/"

STRINGS = (
    "<script>document.title='PWNED'</script>",
    "</title><script>document.title='PWNED'</script>",
    "</style><script>document.title='PWNED'</script>",
    "<img src=x onerror=\"document.title='PWNED'\">",
    "<img src={url}1>",
    '"><img src={url}2>',
    "'><svg onload=document.title='PWNED'>",
    "<svg><script href={url}3></script></svg>",
    "<iframe src={url}4></iframe>",
    "<link rel=stylesheet href={url}5>",
    "<style>@import '{url}6';</style>",
    "<style>body{{background:url({url}7)}}</style>",
    '<meta http-equiv=refresh content="0;url={url}8">',
    "<base href={url}>",
    "<a href=\"javascript:document.title='PWNED'\">x</a>",
    "--><script>document.title='PWNED'</script><!--",
    "]]><script>document.title='PWNED'</script>",
    "&lt;script&gt;&#60;script&#62;document.title='PWNED'",
    "\u202egnp.exe\u2066 \x00\x1b[2J \ud800",
    "[x](javascript:alert(1)) ![y]({url}9) | @everyone `x` {url}10 www.example.com",
    "fixes #1, closes org/repo#1, resolves GH-1, JIRA-1, CVE-2024-0001",
    "# @org/team someone@example.org :tada: $x$ ~bug !1 %2 &3 [[wiki]] [^1] ~~x~~",
    "/close 0123456789abcdef0123456789abcdef01234567 #",
    "1. <!-- x --> https://example.org/a/issues/1 HTTPS://example.org ftp://example.org",
    "[/red] x [link={url}11]y[/link] [bold [not closed] :warning: {{0}} %s %(x)s",
    "\x1b]8;;{url}12\x1b\\x\x1b]8;;\x07 \x1b]0;title\x07 \x9b2J\x9d0;x\x9c \x1bP+q\x1b\\",
    "valid\r\x08\x0b\x0c\x7f\x85\u2028\u2029\u200b\u00ad\ufeff\u061c\U000e0041\ufffe",
    "=cmd|' /C calc'!A0",
)


def strings(url: str) -> tuple[str, ...]:
    """All of them, with the address that must never be asked."""
    return tuple(one.format(url=url) for one in STRINGS)


def steering(shown: str) -> set[str]:
    """What in it a terminal would not show but obey, or hide, as code points."""
    found = (c for c in shown if c not in "\t\n " and not c.isprintable())
    return {f"U+{ord(c):04X}" for c in found}


OWN = re.compile(r"\r(?=\x1b\[2K)|\x1b\[2K|\x1b\[1A|\x1b\[\?25[hl]|\x1b\[[\d;]*m")
"""What a live view itself sends: to the line's start and erase it, a line up, cursor, colours."""


def without_own(shown: str) -> str:
    """What a live view printed, without these sequences."""
    return OWN.sub("", shown)
