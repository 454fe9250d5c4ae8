"""Fitting models to observed data: see `twinsim.fit`, `twinsim.individualise` and `docs/calibration.md`."""
