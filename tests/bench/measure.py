"""Interleaved rounds, and what is said of them: medians, so that one disturbed round changes nothing."""

import dataclasses
import statistics


@dataclasses.dataclass
class Figure:
    """One quantity over all rounds."""

    values: list

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, digits=2):
        return f"{self.median:.{digits}f} ({min(self.values):.{digits}f} to {max(self.values):.{digits}f})"


def rotated(items, by):
    """The same items, another one first: no observer always comes right after the same neighbour."""
    items = list(items)
    by %= len(items)
    return items[by:] + items[:by]


def interleave(observers, rounds, measure, progress=lambda text: None):
    """measure(observer) once a round for each observer. {observer: [a value a round]}."""
    found = {observer: [] for observer in observers}
    for number in range(rounds):
        for observer in rotated(observers, number):
            found[observer].append(measure(observer))
            progress(f"round {number + 1} of {rounds}, {observer.name}: {found[observer][-1]:.3f}")
    return found


def ratios(values, baseline):
    """Each round against the same round's baseline: slow drift of the machine falls out."""
    return Figure([value / base for value, base in zip(values, baseline, strict=True)])
