"""What a gradient check found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Element:
    """One element of an input: its gradient by backward (analytic) and by differences (numeric)."""

    name: str
    index: tuple[int, ...]
    value: float
    analytic: float
    numeric: float
    relative_error: float

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name
        return (
            f"relative error {self.relative_error:.1e} at {place} = {self.value:.6g}: "
            f"analytic {self.analytic:.10g}, numeric {self.numeric:.10g}"
        )


@dataclass
class Report:
    """The result of `gradcheck`; true where nothing failed.

    checked counts the elements compared with differences, failures those of them whose gradient is wrong; kinks counts
    those where the function has no derivative, which neither pass nor fail. problems are the faults that belong to no
    single element: an input that was written, other bits the second time.
    """

    rtol: float
    checked: int = 0
    kinks: int = 0
    failures: int = 0
    worst: Element | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True where every compared element agrees and there is no other problem."""
        return self.failures == 0 and not self.problems

    def __bool__(self) -> bool:
        return self.ok

    def compared(self, element: Element) -> None:
        """Count an element that was compared; the worst of all is kept. A relative error of NaN is a failure."""
        self.checked += 1
        if not element.relative_error <= self.rtol:
            self.failures += 1
        if self.worst is None or badness(element) > badness(self.worst):
            self.worst = element

    def __str__(self) -> str:
        counts = f"{self.checked} elements checked, {self.kinks} at kinks, {self.failures} wrong"
        lines = [f"gradcheck {'passed' if self.ok else 'FAILED'}: {counts} (rtol {self.rtol:.0e})"]
        if self.worst is not None:
            lines.append(f"  worst: {self.worst}")
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def badness(element: Element) -> float:
    """The relative error, with NaN worse than any number."""
    error = element.relative_error
    return error if error == error else float("inf")
