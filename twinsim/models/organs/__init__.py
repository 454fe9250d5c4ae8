"""Organs of one patient: circulation, lung, kidney, glucose, marrow and others, each alone or coupled by its ports."""
