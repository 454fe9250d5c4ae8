"""Data that ship with the recipes; README.md says where they come from."""
