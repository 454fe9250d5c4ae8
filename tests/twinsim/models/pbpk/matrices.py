"""pbpk/whole_body once more, as a matrix over compartments in plain NumPy; nothing here comes from the package."""

import numpy as np

PORTAL = ("gut", "pancreas", "spleen")
SYSTEMIC = ("adipose", "bone", "brain", "gonads", "heart", "kidney", "muscle", "rest", "skin")
ORDER = (
    "lumen", *PORTAL, *SYSTEMIC, "liver", "lung", "arterial", "venous", "urine", "metabolised_liver", "faeces"
)  # fmt: skip


def rate_constants(p):
    """K with d amounts/dt = K amounts [1/h]; every flow is taken from one row and added to another."""
    size, at = len(ORDER), {name: i for i, name in enumerate(ORDER)}
    k = np.zeros((size, size))

    def move(source, target, constant):
        k[at[source], at[source]] -= constant
        k[at[target], at[source]] += constant

    def leaving(tissue, flow):
        return flow * p["bp"] / (p[f"v_{tissue}"] * p[f"kp_{tissue}"])

    shunt = p["portal_shunt"]
    arteries = {tissue: p[f"q_{tissue}"] for tissue in (*PORTAL, *SYSTEMIC, "liver")}
    output = sum(arteries.values())
    for tissue, flow in arteries.items():
        if tissue != "kidney":
            move("arterial", tissue, flow / p["v_arterial"])
    filtered = p["filtered_fraction"] * p["gfr"] * p["fu"] / p["bp"]
    move("arterial", "kidney", (arteries["kidney"] - filtered) / p["v_arterial"])
    move("arterial", "urine", filtered / p["v_arterial"])
    for tissue in SYSTEMIC:
        move(tissue, "venous", leaving(tissue, arteries[tissue]))
    for tissue in PORTAL:
        move(tissue, "liver", (1 - shunt) * leaving(tissue, arteries[tissue]))
        move(tissue, "venous", shunt * leaving(tissue, arteries[tissue]))
    move("lumen", "liver", p["ka"] * p["fa"] * (1 - shunt))
    move("lumen", "venous", p["ka"] * p["fa"] * shunt)
    move("lumen", "faeces", p["ka"] * (1 - p["fa"]))
    through = arteries["liver"] + (1 - shunt) * sum(arteries[tissue] for tissue in PORTAL)
    move("liver", "venous", leaving("liver", through))
    move("liver", "metabolised_liver", p["clint_metabolism"] * p["fu"] / (p["v_liver"] * p["kp_liver"]))
    move("venous", "lung", output / p["v_venous"])
    move("lung", "arterial", leaving("lung", output))
    return k
