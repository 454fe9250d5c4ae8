"""Published studies as records and models: what NONMEM, Monolix and nlmixr2 were given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import twinsim
from twinsim.population.model import PopulationModel
from twinsim.records import Records

UNITS = {"AMT": "mg", "DV": "mg/L"}


class Published(NamedTuple):
    """A fit by NONMEM 7.4.3 of nlmixr2test: file, rows, objective; ln estimates, their standard errors, and variances
    in one order; residual sd and its standard error."""

    file: str
    rows: str
    objective: float
    names: tuple[str, ...]
    logs: tuple[float, ...]
    errors: tuple[float, ...]
    variances: tuple[float, ...]
    residual: tuple[float, float]


_ORAL, _BOLUS = ("cl", "v", "ka"), ("cl", "v1", "q", "v2")
# runN023, N024 and N026 (ADVAN2), N032, N033 and N035 (ADVAN3).
NONMEM = {
    f"{fit.file} {fit.rows}": fit
    for fit in (
        Published("oral_1cpt", "SD", 19365.194, _ORAL, (1.3901, 4.1928, -0.0266), (0.0236, 0.0258, 0.0331),
                  (0.0643, 0.0751, 0.1038), (0.1986, 0.0030)),
        Published("oral_1cpt", "MD", 43707.117, _ORAL, (1.3920, 4.2068, -0.0083), (0.0244, 0.0265, 0.0382),
                  (0.0707, 0.0796, 0.1300), (0.1968, 0.0019)),
        Published("oral_1cpt", "all", 62205.879, _ORAL, (1.3900, 4.2031, -0.0046), (0.0239, 0.0258, 0.0326),
                  (0.0679, 0.0778, 0.1106), (0.1980, 0.0017)),
        Published("bolus_2cpt", "SD", 20167.640, _BOLUS, (1.3702, 4.1983, 1.3785, 3.8761),
                  (0.0298, 0.0295, 0.0546, 0.0348), (0.1014, 0.0993, 0.1011, 0.0732), (0.1965, 0.0032)),
        Published("bolus_2cpt", "MD", 46377.348, _BOLUS, (1.3397, 4.1834, 1.4662, 3.8417),
                  (0.0310, 0.0297, 0.0773, 0.0348), (0.1165, 0.0955, 0.1446, 0.0682), (0.2030, 0.0021)),
        Published("bolus_2cpt", "all", 65776.334, _BOLUS, (1.3459, 4.1899, 1.3858, 3.9168),
                  (0.0310, 0.0292, 0.0434, 0.0316), (0.1142, 0.0997, 0.0894, 0.0866), (0.2005, 0.0016)),
    )
}  # fmt: skip


def model(structure: str, values: dict, variances: dict[str, float], error: dict[str, Any]) -> PopulationModel:
    """A model with lognormal effects; values with their units, or whole entries."""
    return twinsim.population_model(
        {
            "title": "a published fit",
            "structure": structure,
            "parameters": {n: v if isinstance(v, dict) else {"value": v} for n, v in values.items()},
            "between_patients": [{"parameter": name, "variance": value} for name, value in variances.items()],
            "residual": {"concentration": error},
        }
    )


def wang(folder: Path) -> Records:
    """Wang 2007: ten people, two observations each, a dose of 10 at 0."""
    seen = pd.read_csv(folder / "pk" / "wang2007.csv").set_axis(["ID", "TIME", "DV"], axis=1).assign(AMT=0.0, EVID=0)
    doses = pd.DataFrame({"ID": seen["ID"].unique(), "TIME": 0.0, "DV": np.nan, "AMT": 10.0, "EVID": 1})
    table = pd.concat([doses, seen]).sort_values(["ID", "TIME", "EVID"], ascending=[True, True, False])
    return twinsim.read_records(table, units=UNITS)


def wang_model(error: dict[str, Any]) -> PopulationModel:
    """f = 10 exp(-k t), k = 0.5 exp(eta), omega^2 = 0.04."""
    return twinsim.population_model(
        {
            "title": "Wang 2007",
            "structure": "pk/one_compartment_iv",
            "parameterisation": "elimination_rate",
            "parameters": {"ke": {"value": "0.5 1/h"}, "v": {"value": "1 L", "fixed": True}},
            "between_patients": [{"parameter": "ke", "variance": 0.04}],
            "residual": {"concentration": error},
        }
    )


def theophylline(folder: Path) -> Records:
    """theo_sd: 12 people after one oral dose; a dose is an EVID of 101 there, into compartment 1."""
    table = pd.read_csv(folder / "pk" / "theo_sd.csv")
    table["EVID"] = (table["EVID"] == 101).astype(int)
    table["DV"] = table["DV"].where(table["EVID"] == 0)
    return twinsim.read_records(table, units={**UNITS, "WT": "kg"})


def theophylline_model(ka: float, cl: float, v: float, omegas: tuple[float, ...], sd: float) -> PopulationModel:
    """One compartment with absorption, additive error; logarithms of the typical values, variances of ka, cl, v."""
    values = {"cl": f"{np.exp(cl)} L/h", "v": f"{np.exp(v)} L", "ka": f"{np.exp(ka)} 1/h"}
    variances = {"cl": omegas[1], "v": omegas[2], "ka": omegas[0]}
    error = {"model": "additive", "additive": {"sd": f"{sd} mg/L"}}
    return model("pk/one_compartment_oral", values, variances, error)


def simulated(folder: Path, name: str, rows: str) -> Records:
    """The sets of ACOP 2016: SD, MD or all rows; the items SS and II are not those of NONMEM there."""
    table = pd.read_csv(folder / "pk" / f"{name}.csv")
    table = table[table["EVID"] != 2]
    table = table if rows == "all" else table[(table["SD"] == 1) == (rows == "SD")]
    table = table[["ID", "TIME", "DV", "MDV", "AMT", "EVID", "CMT"]]
    return twinsim.read_records(table.assign(DV=table["DV"].where(table["EVID"] == 0)), units=UNITS)


def simulated_model(values: dict[str, float], variances: tuple[float, ...], sd: float) -> PopulationModel:
    """Values by parameter, variances in their order, proportional error."""
    units = {"cl": "L/h", "q": "L/h", "v": "L", "v1": "L", "v2": "L", "ka": "1/h"}
    structure = "pk/one_compartment_oral" if "ka" in values else "pk/two_compartment_iv"
    given = {name: f"{value} {units[name]}" for name, value in values.items()}
    error = {"model": "proportional", "proportional": {"sd": sd}}
    return model(structure, given, dict(zip(values, variances, strict=True)), error)


def phenobarbital(folder: Path) -> Records:
    """59 newborns."""
    table = pd.read_csv(folder / "pk" / "pheno_sd.csv")
    table["DV"] = table["DV"].where(table["EVID"] == 0)
    table = table.rename(columns={"APGR": "APGAR"})
    return twinsim.read_records(table, units={**UNITS, "WT": "kg"}, interpolation={"WT": "nocb", "APGAR": "nocb"})


def warfarin(folder: Path, dvid: str = "cp") -> Records:
    """32 people; concentrations alone unless asked otherwise."""
    table = pd.read_csv(folder / "pk" / "warfarin.csv")
    table.columns = table.columns.str.upper()
    table = table[(table["EVID"] == 1) | (table["DVID"] == dvid)]
    table = table.assign(DV=table["DV"].where(table["EVID"] == 0)).drop(columns=["DVID", "AGE", "SEX"])
    return twinsim.read_records(table, units={**UNITS, "WT": "kg"})


# Concentrations of patient 9 beside others at the same times, 3, 6, 9 and 12 h; nlmixr2data has them, Monolix has not.
STRAY = {3.0: 12.7, 6.0: 12.7, 9.0: 12.9, 12.0: 11.4}


def monolix_warfarin(folder: Path) -> Records:
    """The 247 concentrations that Monolix 2023R1's warfarin projects show as theirs (w1/predictions.txt of monolix2rx).

    Four of them are 0.01 or 0.02 there, and 0 in a table of one decimal; that moves -2 log likelihood by 0.01.
    """
    table = pd.read_csv(folder / "pk" / "warfarin.csv")
    table.columns = table.columns.str.upper()
    table = table[(table["EVID"] == 1) | (table["DVID"] == "cp")]
    stray = (table["ID"] == 9) & (table["EVID"] == 0) & (table["DV"] == table["TIME"].map(STRAY))
    assert stray.sum() == len(STRAY)
    table = table[~stray]
    table = table.assign(DV=table["DV"].where(table["EVID"] == 0)).drop(columns=["DVID", "AGE"])
    return twinsim.read_records(table, units={**UNITS, "WT": "kg"}, covariates={"SEX": {"male": 0, "female": 1}})


LINEAR_TIMES, LINEAR_SD = (0.5, 1.0, 2.0, 4.0, 8.0), 0.3


def linear_model(error: dict[str, Any] | None = None, **more: Any) -> PopulationModel:
    """One compartment with absorption whose bioavailability is 1 + eta, so that predictions are linear in eta."""
    values = {"cl": "2 L/h", "v": "10 L", "ka": "1 1/h", "f": 1.0}
    return twinsim.population_model(
        {
            "title": "linear in its effect",
            "structure": "pk/one_compartment_oral",
            "parameters": {name: {"value": value} for name, value in values.items()},
            "between_patients": [{"parameter": "f", "distribution": "normal", "variance": 0.04}],
            "residual": {"concentration": error or {"model": "additive", "additive": {"sd": f"{LINEAR_SD} mg/L"}}},
            **more,
        }
    )


def unit_prediction() -> np.ndarray:
    """What it predicts of 100 mg at LINEAR_TIMES with eta 0 (time)."""
    time, ke, ka = np.asarray(LINEAR_TIMES), 0.2, 1.0
    return 10.0 * ka / (ka - ke) * (np.exp(-ke * time) - np.exp(-ka * time))


def bolus_table(values: np.ndarray, first: int = 1) -> pd.DataFrame:
    """100 mg at 0 and values (time, patient) at LINEAR_TIMES, patients numbered from `first`."""
    rows = []
    for one, column in enumerate(values.T, start=first):
        rows.append({"ID": one, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": np.nan})
        rows += [
            {"ID": one, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": v} for t, v in zip(LINEAR_TIMES, column, strict=True)
        ]
    return pd.DataFrame(rows)


def linear_study(model: PopulationModel, patients: int, seed: int) -> tuple[Records, np.ndarray]:
    """Records of the linear model with additive error, and the effects they were made with (eta, patient)."""
    draw = np.random.default_rng(seed)
    etas = np.sqrt(model.omega[0, 0]) * draw.standard_normal((1, patients))
    values = unit_prediction()[:, None] * (1.0 + etas) + LINEAR_SD * draw.standard_normal((len(LINEAR_TIMES), patients))
    return twinsim.read_records(bolus_table(values), units=UNITS), etas


def plain(records: Records) -> pd.DataFrame:
    """Records of one output as a table to change and read again."""
    return records.to_pandas()[["ID", "TIME", "AMT", "EVID", "DV"]]
