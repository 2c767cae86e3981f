"""Clients that track keys (tracking.py). It has no commands of its own: other families' rows read and write."""

COMMANDS = ""
