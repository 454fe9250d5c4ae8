"""Virtual patients by the million: one description of a model, run forward to simulate and backward to calibrate."""

from twinsim.run.devices import configure

configure()
