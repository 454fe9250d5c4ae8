"""Drugs in whole bodies: a population model out of drug files, whose patients differ by their anatomy alone.

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

Several drugs share the organs; what is a drug's own ends in _<drug>, and each acts on the enzymes of all, its own among
them (`whole_body_interactions`). Where a drug acts on an enzyme of a gut wall, its own concentration there is followed
and so is that of whom this enzyme takes: enterocytes in place of qgut, with the same clearances, so that the same
fraction passes without the other drug.

Abundances count relative to the median adult's, and not as pmol/mg, because the rates of drug files belong to the
abundances they were fitted with, which a file names and which are up to 2.9 times those of `population.anatomy`: the
median adult's liver has the clearance that the file makes of its own.

Source: on the line of each number; scaling as Jones and Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63,
doi:10.1038/psp.2013.41.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from twinsim.drugs.drug import Drug
from twinsim.drugs.drug import drug as find_drug
from twinsim.drugs.interactions import KINDS as INTERACTIONS
from twinsim.drugs.whole_body_interactions import acts_on, changed_by, check_together, in_gut
from twinsim.drugs.whole_body_parameters import called, parameters_of, typical_covariates, word
from twinsim.models.pbpk import Pathway, Substance, pbpk
from twinsim.models.registry import register
from twinsim.models.structure import Structure
from twinsim.population.model import PopulationModel, population_model

Source = str | Path | Mapping[str, Any] | Drug


def whole_body_model(
    drug: Source | Sequence[Source], *, method: str = "rodgers_rowland", name: str | None = None
) -> PopulationModel:
    """A population model of one drug, or of several that interact, in whole bodies.

    >>> model = whole_body_model("midazolam")
    >>> model.structure.name, model.eta_names
    ('pbpk/midazolam', ())
    >>> [route.name for route in whole_body_model(["midazolam", "ketoconazole"]).structure.routes]
    ['oral_midazolam', 'iv_midazolam', 'oral_ketoconazole', 'iv_ketoconazole']

    Args:
        drug: a name of the library, a file, a mapping with the same keys, or a drug; or a list of these. Patients need
            the covariates of `population.anatomy`.
        method: of tissue partition coefficients, rodgers_rowland or poulin_theil.
        name: of the model, and of its structure pbpk/<name>; None: the drug's, joined by _ where there are several.

    Returns:
        A model with the route iv, and oral where the file has a section absorption, of several drugs iv_<drug> and
        oral_<drug>: a tablet where that has a dissolution, else a solution (a dose into the state lumen is one in any
        case). Solubility is not used.

    Raises:
        UsageError, DataError, ModelError: as `twinsim.drug`; an unknown method; a gut wall that takes everything; a
            name under which there is another structure; drugs that do not meet at an enzyme; one that is there twice.
    """
    listed = (drug,) if isinstance(drug, str | Path | Mapping | Drug) else drug
    found = [find_drug(each) for each in listed]
    check_together(found)
    title = name or "_".join(each.name for each in found)
    structure = _structure(f"pbpk/{title}", substances_of(found))
    parameters = parameters_of(found, structure, method)
    used = {covariate for entry in parameters.values() for covariate in _covariates(entry)}
    sources = ", ".join(f"{each.name}, {each.parts.source or 'without a source of its own'}" for each in found)
    document = {
        "name": title,
        "title": f"{' and '.join(each.title for each in found)} in whole bodies",
        "source": f"drug file {sources}",
        "notes": "Patients differ by their anatomy, function and binding; there are no random effects beside these.",
        "structure": structure.name,
        "covariates": {each: entry for each, entry in typical_covariates().items() if each in used},
        "parameters": parameters,
    }
    reference = found[0].reference if len(found) == 1 else None
    if reference is not None:
        document["regimen"] = {"route": reference.route, "amount": f"{reference.dose!r} mg"}
    return population_model(document)


def substances_of(drugs: Sequence[Drug]) -> tuple[Substance, ...]:
    """What a whole body is asked to do with drugs."""
    changing = {enzyme for drug in drugs for enzyme in changed_by(drug)}
    acted = tuple(dict.fromkeys(enzyme for drug in drugs for enzyme in acts_on(drug) if enzyme in changing))
    wall = {enzyme for drug in drugs for enzyme in in_gut(drug)} & set(acted)
    return tuple(_substance(drug, acted, wall) for drug in drugs)


def _substance(drug: Drug, acted: Sequence[str], wall: set[str]) -> Substance:
    """One of them.

    Args:
        acted: enzymes that any of the drugs acts on.
        wall: those of them that any of the drugs meets in the gut wall.
    """

    def carrier(enzyme: str | None) -> str | None:
        return word(enzyme) if enzyme is not None and enzyme in acted else None

    liver = tuple(
        Pathway(word(each.name), carrier(each.enzyme), saturable=each.vmax is not None)
        for each in drug.clearances
        if each.kind == "hepatic"
    )
    absorption = drug.absorption
    losses = tuple(Pathway(f"wall_{word(each)}", carrier(each), sites=("gut",)) for each in in_gut(drug))
    followed = absorption is not None and bool({*acts_on(drug), *in_gut(drug)} & wall)
    kinds = {each.kind for each in drug.clearances}
    inhibits, inactivates, induces = (
        tuple(word(enzyme) for enzyme in acts_on(drug, kind) if enzyme in acted) for kind in INTERACTIONS
    )
    return Substance(
        called(drug),
        pathways=(*liver, *losses),
        absorption="first_order" if absorption else None,
        dissolution="first_order" if absorption and absorption.dissolution else None,
        gut_wall="enterocytes" if followed else "qgut" if losses else None,
        renal=tuple(kind for kind in ("filtration", "secretion") if kind in kinds),
        bile="faeces" if "biliary" in kinds else None,
        inhibits=inhibits,
        inactivates=inactivates,
        induces=induces,
    )


@lru_cache(maxsize=128)
def _structure(name: str, substances: tuple[Substance, ...]) -> Structure:
    return register(pbpk(name, substances))


def _covariates(entry: Mapping[str, Any]) -> list[str]:
    """Names of the covariates of a parameter's relations."""
    bodies = [body for relation in entry.get("relations", ()) for body in relation.values()]
    bodies += [term for body in bodies for term in body.get("terms", ())]
    return [body[key] for body in bodies for key in ("covariate", "factor") if key in body]
