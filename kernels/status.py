"""Per-patient status codes. `twinsim.errors.REMEDIES` says in words what to do about each."""

OK = 0
MAX_STEPS = 1
NON_FINITE = 2
STEP_TOO_SMALL = 3
NO_STEADY_STATE = 4
TOO_MANY_EVENTS = 5
BAD_PARAMETER = 6
ILL_CONDITIONED = 7
NO_EQUILIBRIUM = 8

NAMES = {
    OK: "ok",
    MAX_STEPS: "max_steps",
    NON_FINITE: "non_finite",
    STEP_TOO_SMALL: "step_too_small",
    NO_STEADY_STATE: "no_steady_state",
    TOO_MANY_EVENTS: "too_many_events",
    BAD_PARAMETER: "bad_parameter",
    ILL_CONDITIONED: "ill_conditioned",
    NO_EQUILIBRIUM: "no_equilibrium",
}
