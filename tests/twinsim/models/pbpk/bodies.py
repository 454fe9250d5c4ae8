"""What the tests of whole bodies share: values, slopes, and long-run answers of linear equations by matrices.

Where slopes are J x, what a substance leaves behind in the end and its areas under curves follow from J alone:
integral of x dt = -J^-1 x(0), and at rest under a constant input x = -J^-1 input, both without the states that only
collect.
"""

import numpy as np

COLLECTING = ("urine", "metabolised", "faeces")


def values(structure, **changed):
    """Parameters by name: the declared defaults, with changes."""
    found = {item.name: item.default for item in structure.parameters}
    assert set(changed) <= set(found), set(changed) - set(found)
    return found | changed


def scattered(structure, rng):
    """Every parameter over a factor of ten about its default; what is bounded by 1 between 0.05 and 0.95."""
    found = {}
    for item in structure.parameters:
        if item.bounds[1] <= 1.0:
            found[item.name] = rng.uniform(0.05, 0.95)
        else:
            found[item.name] = (item.default or 1.0) * 10.0 ** rng.uniform(-0.5, 0.5)
    return found


def slopes(structure, x, p):
    """Slopes by state at states and parameters by name."""
    return {name: float(value) for name, value in structure.derivative(0.0, x, p, {}).items()}


def is_collecting(state):
    return state.startswith(COLLECTING)


class Linear:
    """The equations of a structure as a matrix: the slopes that 1 mg in each state makes.

    Args:
        held: states that stay as they are, by name; the others are followed from 0.
    """

    def __init__(self, structure, p, held=None):
        held = held or {}
        self.structure, self.p, self.held = structure, p, held
        self.names = [name for name in structure.state_names if name not in held]
        self.live = [name for name in self.names if not is_collecting(name)]
        empty = dict.fromkeys(self.names, 0.0) | held
        still = slopes(structure, empty, p)

        def column(state):
            found = slopes(structure, empty | {state: 1.0}, p)
            return [found[name] - still[name] for name in self.names]

        self.matrix = np.array([column(state) for state in self.names]).T
        self.is_live = np.array([name in self.live for name in self.names])

    def _solve(self, into, amount):
        vector = np.array([amount * (name == into) for name in self.live])
        return dict(zip(self.live, -np.linalg.solve(self.matrix[self.is_live][:, self.is_live], vector), strict=True))

    def at_rest(self, into, rate):
        """States that follow blood while `rate` [mg/h] goes into one of them, and what is collected per hour."""
        live = self._solve(into, rate)
        rates = self.matrix[~self.is_live][:, self.is_live] @ np.array(list(live.values()))
        return live, dict(zip([name for name in self.names if is_collecting(name)], rates, strict=True))

    def areas(self, into, dose):
        """Areas of states under a dose [mg h], and what has been collected in the end [mg]."""
        return self.at_rest(into, dose)

    def seen(self, live, output="concentration"):
        """An output at states (or areas) by name."""
        x = dict.fromkeys(self.structure.state_names, 0.0) | self.held | live
        return float(self.structure.observe(0.0, x, self.p, {})[output])
