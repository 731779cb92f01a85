"""A guard: its name in the code, what takes it out, and the tests that must notice."""

from dataclasses import dataclass

from tests.mutants.markers import Markers, NoLongerApplies
from tests.mutants.operators import Operator


@dataclass(frozen=True)
class Mutant:
    """A file of the tree without one guard."""

    file: str
    text: str


@dataclass(frozen=True)
class Guard:
    """The comment `guard: name` marks its line; the tests fail once the operator was applied."""

    name: str
    operator: Operator
    tests: tuple[str, ...]

    def taken_out(self, markers: Markers) -> Mutant:
        """Return the marked file without the guard.

        Raises NoLongerApplies when the marker is not found once, or what the operator leaves is the
        same or no Python.
        """
        place = markers.place(self.name)
        try:
            text = self.operator.without(place)
            if place.is_python:
                compile(text, place.file, "exec")
        except SyntaxError as error:
            raise NoLongerApplies(
                f"{self.name}: {place} is no Python without it: {error}"
            ) from None
        except NoLongerApplies as error:
            raise NoLongerApplies(f"{self.name}: {error}") from None
        if text == place.text:
            raise NoLongerApplies(f"{self.name}: {place} is the same without it")
        return Mutant(place.file, text)
