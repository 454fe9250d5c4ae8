"""Structures of drug and effect together, coupled from pk/ and pd/, one file each."""
