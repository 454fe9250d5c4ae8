"""Pharmacodynamic structures, one file each."""
