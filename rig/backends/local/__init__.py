"""Hosts as network namespaces of this machine; as root and as an ordinary user."""
