"""Anatomy and function of people: organ masses and flows, filtration, enzymes, and what conditions change.

`catalogue` names what there is, `body.anatomy` makes it for patients with given covariates; `organs` and the files
named there hold the reference people, `masses`, `flows`, `kidney` and `enzymes` one equation each, `conditions` the
factors of cirrhosis and chronic kidney disease.
"""
