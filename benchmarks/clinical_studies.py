"""Every drug of the library in virtual adults, beside what studies found: the table of docs/drugs.md.

    python -m benchmarks.clinical_studies --size 1000

Prints a row for each drug, route and quantity: geometric mean of all patients, median of the studies brought to that
dose, and their ratio.
"""

from __future__ import annotations

import argparse

import numpy as np

import twinsim
from twinsim.drugs.clinical import ENDPOINTS, pool

HEAD = "| drug, dose | route | quantity | simulated | studies: median (each) | ratio |\n" + "| --- " * 6 + "|"


def rows(name: str, adults: twinsim.Cohort) -> list[str]:
    """Rows of one drug's table."""
    drug = twinsim.drug(name)
    reference, found = drug.reference, []
    assert reference is not None
    model, times = twinsim.whole_body_model(drug), np.linspace(0.0, reference.until, 241)
    pooled = pool(drug.clinical, reference.dose)
    for route in dict.fromkeys(each.route for each in pooled):
        events, asked = twinsim.regimen(reference.dose, route=route), tuple(ENDPOINTS.values())
        ran = twinsim.simulate(model, adults, events, times=times, outputs=["concentration"], endpoints=asked)
        assert (np.asarray(ran.status) == 0).all()
        for each in pooled:
            if each.route != route:
                continue
            values = np.asarray(ran[f"endpoints/{ENDPOINTS[each.quantity]}"], np.float64)
            mean = float(np.exp(np.mean(np.log(values))))
            unit, scale = ("h", 1.0) if each.quantity == "half_life" else shown(each.studies[0].number.unit, mean)
            studies = ", ".join(f"{value * scale:.3g}" for value in sorted(each.values))
            told = f"{each.value * scale:.3g} ({studies}) {unit}" if len(each.values) > 1 else f"{studies} {unit}"
            title, ratio = f"{name}, {reference.dose:g} mg", mean / each.value
            found.append(f"| {title} | {route} | {each.quantity} | {mean * scale:.3g} | {told} | {ratio:.2f} |")
    return found


def shown(unit: str, value: float) -> tuple[str, float]:
    """A unit in which a value reads well, and the factor to it.

    >>> shown("mg/L", 0.02), shown("mg*h/L", 60.0)
    (('ug/L', 1000.0), ('mg*h/L', 1.0))
    """
    return (unit.replace("mg", "ug"), 1000.0) if value < 0.5 else (unit, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000, help="virtual adults")
    parser.add_argument("--drug", action="append", help="one drug of the library; all of them by default")
    given = parser.parse_args()
    adults = twinsim.sample_cohort(given.size, "adults_anatomy", seed=1)
    print(HEAD)
    for name in given.drug or twinsim.drug_names():
        print("\n".join(rows(name, adults)), flush=True)


if __name__ == "__main__":
    main()
