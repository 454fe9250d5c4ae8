"""From observed records to a model's numbers."""

from twinsim.calibrate.pooled import Fit, fit_pooled

__all__ = ["Fit", "fit_pooled"]
