"""Experiments that fit outside data as it is published: their numbers against other programs' and published ones."""

import re

import h5py
import numpy as np
import pytest
import xarray

from tests.experiments.command import command

pytestmark = pytest.mark.slow


def stored(path):
    """Estimates and standard errors by label, and the objective, of results on disk."""
    with h5py.File(path) as file:
        labels = file["fit/number"].attrs["names"].split("\n")
        columns = (file["fit/estimate"][:], file["fit/standard_error"][:])
        found = {label: pair for label, *pair in zip(labels, *columns, strict=True)}
        assert file["fit/converged"][()] == 1
        return found, float(file["fit/objective"][()])


def test_phenobarbital(reference_data, tmp_path):
    """NONMEM, Pharmpy's pheno_real.mod: objective 586.276, estimates (standard errors)."""
    data = reference_data / "pk" / "pheno_sd.csv"
    answer = command("+experiment=fit_phenobarbital", f"data={data}", f"out={tmp_path}/r", "progress=none")
    assert answer.code == 0, answer.err
    found, objective = stored(tmp_path / "r" / "results.h5")
    assert objective == pytest.approx(586.276, abs=1e-3)
    published = {
        "cl": (0.00469555, 0.000210), "v": (0.984258, 0.0269), "v.apgar.below.change": (0.158920, 0.0838),
        "omega(cl,cl)": (0.0293508, 0.0134), "omega(v,v)": (0.0279060, 0.00748),
    }  # fmt: skip
    for name, (value, error) in published.items():
        assert found[name][0] == pytest.approx(value, rel=1e-3)
        assert found[name][1] == pytest.approx(error, rel=0.01)
    assert found["concentration.proportional"][0] ** 2 == pytest.approx(0.013241, rel=1e-3)


@pytest.fixture(scope="module")
def warfarin(reference_data, tmp_path_factory):
    """The folder of PK, then PK/PD, with what was told."""
    folder = tmp_path_factory.mktemp("warfarin") / "r"
    data = reference_data / "pk" / "warfarin.csv"
    answer = command("+experiment=fit_warfarin", f"data={data}", f"out={folder}", "progress=none")
    assert answer.code == 0, answer.err
    return folder, answer


def test_warfarin_pkpd_is_what_was_published(warfarin):
    """The library's file (Nguyen 2017) and a NONMEM 7.4.3 fit shown by nonmem2rx, both with other error models or
    absorption: values within half a standard error of one of them."""
    found, _ = stored(warfarin[0] / "warfarin_pkpd" / "results.h5")
    published = {
        "cl": (0.131, 0.135), "v": (8.06, 7.78), "ka": (0.734,), "lag": (1.03,), "e0": (95.9, 96.6),
        "ic50": (1.17, 1.15), "kout": (0.0521, 0.0522), "pca.additive": (3.73,),
    }  # fmt: skip
    away = {n: min(abs(found[n][0] - value) for value in values) / found[n][1] for n, values in published.items()}
    assert away.pop("kout") < 1.0 and away.pop("ka") < 2.0
    assert max(away.values()) < 0.5, away
    assert found["e0"][0] == pytest.approx(96.3, rel=0.01) and found["ic50"][0] == pytest.approx(1.16, rel=0.03)
    assert found["kout"][0] == pytest.approx(0.052, rel=0.04)


def test_warfarin_pk_comes_first(warfarin):
    """Concentrations alone; Monolix's w2, whose data are other ones in eight rows, within half a standard error."""
    folder, answer = warfarin
    found, objective = stored(folder / "warfarin_pk" / "results.h5")
    there = {
        "cl": 0.1336,
        "v": 8.061,
        "ka": 1.359,
        "lag": 0.780,
        "cl.weight.exponent": 0.595,
        "v.weight.exponent": 0.899,
    }
    for name, value in there.items():
        assert abs(found[name][0] - value) < 0.5 * found[name][1]
    assert f"warfarin_pk: objective {objective:.3f}" in answer.out
    assert "232 observations of pca are left out" in answer.err and "4 observations of cp below 0.05" in answer.err
    for stage in ("warfarin_pk", "warfarin_pkpd"):
        assert str(folder / stage / "results.h5") in answer.out and (folder / stage / "report.html").exists()


def test_two_outputs_are_told_apart(warfarin):
    with xarray.open_dataset(warfarin[0] / "warfarin_pkpd" / "results.h5") as data:
        output = data["output"].to_numpy()
        assert data["output"].flag_meanings == "concentration pca" and data["output"].value_units == "mg/L; %"
        assert ((output == 0).sum(), (output == 1).sum()) == (251, 232)
        assert (data["event"].to_numpy()[output >= 0] == 0).all()
        first = data["observed"].to_numpy()[(output == 1) & (data["record_time"].to_numpy() == 0.0)]
        assert np.median(first) == 100.0
    page = (warfarin[0] / "warfarin_pkpd" / "report.html").read_text()
    text = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    for words in (
        "Concentration in plasma: visual",
        "Prothrombin complex activity: visual",
        "483 observations (4 censored)",
    ):
        assert words in text
