"""A job of plain NumPy for the runner's tests: numbers that depend on the patient alone, failures where asked."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import numpy as np

from twinsim.run.job import Reducer
from twinsim.run.summary import Moments, Quantiles
from twinsim.store import Coordinate, Variable, status_variable

TIMES = np.arange(0.0, 6.0, 0.5)
CONCENTRATION = Variable("concentration", ("patient", "time"), "float32", "mg/L", "plasma concentration")
CLEARANCE = Variable("cl", ("patient",), "float64", "L/h", "clearance", group="parameters")
SEX = Variable("sex", ("patient",), bool, "1", "female", group="covariates")
AUC = Variable("auc", ("patient",), "float32", "mg*h/L", "area under the curve", group="endpoints")


@dataclass
class TinyJob:
    size: int = 5000
    title: str = "tiny"
    seed: int = 7
    pause: float = 0.0
    broken_from: int | None = None
    broken_to: int = 0
    interrupt_at: int | None = None
    bad_patients: tuple[int, ...] = (3, 700)
    exact_limit: int = 100_000
    asked: list = field(default_factory=list)

    coordinates = {"time": Coordinate(TIMES, "h", "time after first dose")}
    variables = (CONCENTRATION, status_variable(), CLEARANCE, SEX, AUC)

    @property
    def provenance(self) -> dict[str, str]:
        return {"config": f"seed: {self.seed}\n" * 20_000, "note": "größer als 64 KiB"}

    @property
    def identity(self) -> dict:
        return {"seed": self.seed, "model": {"name": "tiny", "dose": 100.0}}

    @property
    def reducers(self) -> tuple[Reducer, ...]:
        outputs = (CONCENTRATION, AUC)
        return Moments(outputs), Quantiles(outputs, self.size, exact_limit=self.exact_limit)

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        return np.arange(first, first + count, dtype=np.int64) + 1000

    def compute(self, first: int, count: int) -> dict[str, np.ndarray]:
        self.asked.append((first, count))
        time.sleep(self.pause)
        if self.interrupt_at is not None and first >= self.interrupt_at:
            raise KeyboardInterrupt
        if self.broken_from is not None and self.broken_from <= first < self.broken_to:
            raise RuntimeError("the device is lost")
        patient = np.arange(first, first + count)
        cl = 1.0 + ((patient * 2654435761 + self.seed) % 1009) / 101.0
        curve = (10.0 * np.exp(-cl * TIMES[:, None] / 5.0)).astype(np.float32)
        status = np.isin(patient, self.bad_patients).astype(np.int8) * np.int8(2)
        curve[:, status != 0] = np.nan
        return {
            "concentration": curve,
            "status": status,
            "parameters/cl": cl,
            "covariates/sex": patient % 3 == 0,
            "endpoints/auc": np.where(status != 0, np.nan, 50.0 / cl).astype(np.float32),
            "unused": np.zeros((1000, count)),
        }


if __name__ == "__main__":
    from twinsim.run.local import execute

    folder, pause, single = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    execute(TinyJob(pause=pause), folder, chunk=256, shard=512, resume=True, single_file_bytes=single)
