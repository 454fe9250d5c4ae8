"""The picture in README.md, from a finished quickstart run:

python -m twinsim +experiment=quickstart out=runs/quickstart
python docs/images/quickstart.py runs/quickstart
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

import twinsim
from experiments.quickstart import calibrate
from experiments.steps import SHIPPED
from twinsim.report import plots

DATA = Path(__file__).resolve().parents[2] / "experiments" / "data" / "theophylline.csv"


def main(folder: str) -> None:
    """Draw what was observed and fitted beside what the model says about the virtual adults."""
    records = twinsim.read_records(DATA, units=SHIPPED["theophylline"])
    table = twinsim.predict(calibrate(twinsim.population_model("theophylline"), records)[1], records)
    observed = pd.DataFrame(table[(table["EVID"] == 0) & np.isfinite(table["DV"])])
    with twinsim.open_results(folder, groups=True) as run:
        curve = run["summary/concentration"]
        quantiles = {float(p): curve.sel(quantile=p).to_numpy() for p in curve["quantile"].to_numpy()}
        time, patients = run["time"].to_numpy(), int(run.attrs["patients"])
    with rc_context(plots.STYLE):
        figure = Figure(figsize=(11.0, 4.1), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.9))
        plots.draw_observed_against_predicted(left, observed, label="concentration", unit="mg/L")
        plots.draw_bands(right, time, quantiles, label="theophylline in plasma", unit="mg/L")
        left.set_title("Calibrated to 12 subjects", loc="left", fontsize=11, pad=24)
        right.set_title(f"{patients:,} virtual adults on 300 mg every 12 h", loc="left", fontsize=11, pad=24)
        figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main(sys.argv[1])
