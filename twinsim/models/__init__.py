"""Structures: equations with named states, parameters, outputs and ports."""
