"""A guard: the text that it is, what to put in its place, and who must notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """``old`` is found once in the file, ``new`` is the same place without it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
