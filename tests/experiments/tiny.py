"""Every experiment of the menu in a tiny size: the words behind its name."""

from importlib import resources

STUDY = str(resources.files("experiments.data").joinpath("theophylline.csv"))
UNITS = ["columns.AMT=mg/kg", "columns.DV=mg/L", "columns.WT=kg"]
PBPK = (
    "pbpk_midazolam", "pbpk_theophylline", "pbpk_renal_impairment", "pbpk_hepatic_impairment", "pbpk_children",
    "pbpk_drug",
)  # fmt: skip
MINUTES = ("organ_glucose", "organ_glucose_type1", "organ_anaesthesia", "organ_kidney", "organ_lung")
ORGANS = (*MINUTES, "organ_circulation", "organ_thyroid", "organ_marrow", "organ_coagulation", "organ_bone")
ORGANS += ("organ_myocyte",)
CLOCKS = {**dict.fromkeys((*MINUTES, "whole_patient", "drug_safety", "validate_physiology"), "min")}
CLOCKS |= {"organ_circulation": "s", "organ_myocyte": "ms"}
STIFF = (
    *PBPK, "pbpk_interaction", "organ_marrow", "organ_kidney", "organ_circulation", "organ_lung", "organ_thyroid",
    "organ_myocyte", "whole_patient", "drug_safety", "validate_physiology",
)  # fmt: skip
TIERS = dict.fromkeys(ORGANS, "explicit") | dict.fromkeys(STIFF, "stiff") | {"organ_anaesthesia": "linear"}
TINY = {
    "quickstart": ["population.size=40", "times.count=25"],
    "cohort_pk": ["population.size=40", "regimen.amount=300", "regimen.interval=8", "regimen.count=3"],
    **dict.fromkeys((*PBPK, "pbpk_interaction"), ["population.size=12", "times.count=13"]),
    "pbpk_drug": ["drug=theophylline", "population.size=12", "times.count=13"],
    **dict.fromkeys(ORGANS, ["population.size=12", "times.count=25"]),
    "whole_patient": [
        "organs=[circumstances,circulation,fluids,blood]",
        "outputs=[arterial_pressure,blood_volume]",
        "drug=null",
        "events=[{kind: haemorrhage, time: 10 h, value: 750 mL, duration: 30 min}]",
        "population.size=6",
        "times.count=13",
    ],
    "drug_safety": [
        "population.size=4",
        "settle=0",
        "times.count=13",
        "times.end=12",
        "cells.beats=2",
        "cells.cycle=1000",
        "events=[{kind: dose, time: 0 h, value: 160 mg}]",
    ],
    "validate_physiology": ["population.size=10", "settle=24"],
    "organ_myocyte": ["population.size=12", "times.count=101"],
    "organ_bone": ["population.size=12", "times.end=96", "times.count=25", "regimen.count=4"],
    "predict": ["model=theophylline", f"data={STUDY}", *UNITS],
    "sweep": ["population.size=40", "times.count=13"],
    "fit": ["model=theophylline", f"data={STUDY}", *UNITS, "method=fo"],
    "fit_theophylline": ["calibrate.bootstrap=3"],
    "fit_phenobarbital": [],
    "fit_warfarin": [],
    "simulate_and_refit": ["population.size=12", "calibrate.studies=4", "times.at=[0.5,1,2,5,9,24]"],
}
OUTSIDE = {
    "fit_phenobarbital": "pk/pheno_sd.csv",
    "fit_warfarin": "pk/warfarin.csv",
    "validate_physiology": "organs",
}
STAGES = {"fit_warfarin": ("warfarin_pk", "warfarin_pkpd")}
BY_RECORD = ("predict", "fit", "fit_theophylline", "fit_phenobarbital", "fit_warfarin", "simulate_and_refit")
