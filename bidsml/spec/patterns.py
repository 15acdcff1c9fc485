"""What the lists of names in an analysis mean: names as they are, or shell patterns."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches_pattern(name: str, pattern: str) -> bool:
    """Whether a column or item is meant by an entry such as one of ``columns``: its name, or a shell pattern."""
    return name == pattern or fnmatchcase(name, pattern)


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether a column or item is meant by one of several entries."""
    return any(matches_pattern(name, pattern) for pattern in patterns)
