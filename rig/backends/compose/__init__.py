"""Hosts as containers of a Compose project; the same stack, roles and records as the local one."""
