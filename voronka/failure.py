"""The one exception that ends a command with a line for people instead of a traceback."""

from __future__ import annotations


class Failure(Exception):
    """Something a person has to act on. The text names what failed and what to do, and carries no secret."""
