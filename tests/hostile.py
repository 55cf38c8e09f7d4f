"""Twenty strings that would do something if a page took them for more than text."""

from __future__ import annotations

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
)


def strings(url: str) -> tuple[str, ...]:
    """All of them, with the address that must never be asked."""
    return tuple(one.format(url=url) for one in STRINGS)
