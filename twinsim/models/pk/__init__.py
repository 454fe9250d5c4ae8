"""Pharmacokinetic structures, one file each."""
