"""Keyspace events: what the commands of the other families announce. It has no commands of its own."""

COMMANDS = ""
