"""What a benchmark reports: a figure beside its baseline, measured in the same run."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure; `baseline` is in the same unit, None where there is nothing to hold it against."""

    name: str
    value: float
    unit: str
    baseline: float | None = None

    @property
    def ratio(self) -> float | None:
        """value / baseline; above 1 is better for rates, worse for times."""
        return None if not self.baseline else self.value / self.baseline
