"""Hosts as containers on several machines, whose engines form a Swarm."""
