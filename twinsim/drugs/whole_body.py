"""A drug in whole bodies: a population model out of a drug file, whose patients differ by their anatomy alone.

    v_<tissue>, q_<tissue>    the patient's volumes and arterial flows; gut is stomach and intestines, rest takes the
                              thyroid and the lung's bronchial flow along
    clint_<pathway>           of the file for a whole liver of 1.8 kg, per kg, times
                              liver_mass functional_liver (mppgl / 40 mg/g) (abundance / the median adult's)
    clint_gut_wall_<enzyme>   qgut e / (1 - sum of e), e the fraction the file says is taken; CYP3A4 by its abundance
    gfr                       the patient's; secretion, the file's in the reference man, follows it
    clint_bile                follows liver_mass functional_liver
    fu                        by albumin or alpha-1-acid glycoprotein, relation `binding`, and by kidney disease
    kp_<tissue>               of the file's fu, scaled to its volume of distribution (`drugs.distribution`), times the
                              patient's fu / fu; gonads and rest as muscle
    bp                        1 + haematocrit (fu kpu of red cells - 1)

Abundances count relative to the median adult's, and not as pmol/mg, because the rates of drug files belong to the
abundances they were fitted with, which a file names and which are up to 2.9 times those of `population.anatomy`: the
median adult's liver has the clearance that the file makes of its own.

Source: on the line of each number; scaling as Jones and Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63,
doi:10.1038/psp.2013.41.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from twinsim.drugs.drug import Drug
from twinsim.drugs.drug import drug as find_drug
from twinsim.drugs.whole_body_parameters import parameters_of, typical_covariates, word
from twinsim.models.pbpk import TISSUES, Pathway, Substance, pbpk
from twinsim.models.registry import register
from twinsim.models.structure import Structure
from twinsim.population.model import PopulationModel, population_model


def whole_body_model(
    drug: str | Path | Mapping[str, Any] | Drug, *, method: str = "rodgers_rowland", name: str | None = None
) -> PopulationModel:
    """A population model of one drug in whole bodies; its patients need the covariates of `population.anatomy`.

    >>> model = whole_body_model("midazolam")
    >>> model.structure.name, model.eta_names
    ('pbpk/midazolam', ())

    Args:
        drug: a name of the library, a file, a mapping with the same keys, or a drug.
        method: of tissue partition coefficients, rodgers_rowland or poulin_theil.
        name: of the model, and of its structure pbpk/<name>; None: the drug's.

    Returns:
        A model with the route iv, and oral where the file has a section absorption: a tablet where that has a
        dissolution, else a solution (a dose into the state lumen is one in any case). Solubility is not used.

    Raises:
        UsageError, DataError, ModelError: as `twinsim.drug`; an unknown method; a gut wall that takes everything; a
            name under which there is another structure.
    """
    found = find_drug(drug)
    title = name or found.name
    structure = _structure(f"pbpk/{title}", substance_of(found))
    parameters = parameters_of(found, structure, method)
    used = {covariate for entry in parameters.values() for covariate in _covariates(entry)}
    document = {
        "name": title,
        "title": f"{found.title} in whole bodies",
        "source": f"drug file {found.name}, {found.parts.source or 'without a source of its own'}",
        "notes": "Patients differ by their anatomy, function and binding; there are no random effects beside these.",
        "structure": structure.name,
        "covariates": {each: entry for each, entry in typical_covariates().items() if each in used},
        "parameters": parameters,
    }
    if found.reference is not None:
        document["regimen"] = {"route": found.reference.route, "amount": f"{found.reference.dose!r} mg"}
    return population_model(document)


def substance_of(drug: Drug) -> Substance:
    """What a whole body is asked to do with a drug."""
    liver = tuple(
        Pathway(word(each.name), saturable=each.vmax is not None) for each in drug.clearances if each.kind == "hepatic"
    )
    absorption = drug.absorption
    losses = absorption.gut_wall if absorption else ()
    wall = tuple(Pathway(f"wall_{word(each.enzyme)}", sites=("gut",)) for each in losses)
    kinds = {each.kind for each in drug.clearances}
    return Substance(
        drug.name if drug.name.isidentifier() and drug.name not in TISSUES else "drug",
        pathways=(*liver, *wall),
        absorption="first_order" if absorption else None,
        dissolution="first_order" if absorption and absorption.dissolution else None,
        gut_wall="qgut" if wall else None,
        renal=tuple(kind for kind in ("filtration", "secretion") if kind in kinds),
        bile="faeces" if "biliary" in kinds else None,
    )


@lru_cache(maxsize=128)
def _structure(name: str, substance: Substance) -> Structure:
    return register(pbpk(name, (substance,)))


def _covariates(entry: Mapping[str, Any]) -> list[str]:
    """Names of the covariates of a parameter's relations."""
    bodies = [body for relation in entry.get("relations", ()) for body in relation.values()]
    bodies += [term for body in bodies for term in body.get("terms", ())]
    return [body[key] for body in bodies for key in ("covariate", "factor") if key in body]
