"""Where a result comes from: versions, machine, sources of every number, and what was assumed."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

PACKAGES = ("twinsim", "jax", "jaxlib", "numpy", "optax", "h5py")


def environment() -> dict[str, str]:
    """Versions of what computes, and on what.

    >>> sorted(environment())[:3]
    ['device', 'h5py', 'jax']
    """
    import jax

    devices = jax.devices()
    found = {"python": platform.python_version(), "platform": platform.platform()}
    found["device"] = f"{len(devices)} x {devices[0].device_kind}"
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def provenance_of(model: Any, settings: Mapping[str, Any]) -> dict[str, str]:
    """Texts for a results file: settings, environment, the model, its numbers' sources, assumed ones."""
    sources = [f"{row.name} = {row.value:g} {row.unit}: {row.source}" for row in model.sources()]
    return {
        "settings": json.dumps(dict(settings), indent=1, sort_keys=True, default=str),
        "environment": json.dumps(environment(), indent=1, sort_keys=True),
        "model": json.dumps(model.identity, indent=1, sort_keys=True, default=str),
        "sources": "\n".join(sources),
        "assumed": "\n".join(model.assumed()),
    }
