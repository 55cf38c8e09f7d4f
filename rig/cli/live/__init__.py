"""The page of a running session: a third view beside the terminal's and the plain lines.

`story.py` makes events of what a session tells, `history.py` keeps those that a new tab needs,
`server.py` sends them, `listener.py` has the socket. The page itself is the three files in
`page/`. May not know how anything is measured; nothing of it can hold up a session or end it.
"""
