"""What was observed: the output of each DVID, and the observations that count, as the configuration says."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import twinsim
from twinsim.config import RunConfig
from twinsim.errors import UsageError, nearest
from twinsim.records import censored, without


def observed_of(config: RunConfig, model: Any, records: twinsim.Records) -> tuple[twinsim.Records, dict[str, str]]:
    """The records with the observations that count, and the `outputs` of `twinsim.fit` and `twinsim.predict`.

    Raises:
        UsageError: a DVID that the records do not have, an output that the model does not have.
    """
    labels, outputs = labels_of(config, records), {}
    for name, label in labels.items():
        output = config.dvid.get(name, label or model.structure.output_names[0])
        if output is not None and output not in model.structure.output_names:
            raise stranger(name, output, model.structure.output_names, f"no output of {model.structure.name}")
        if output != label and (label or name in config.dvid):
            outputs[label] = output
    records = censored(records, {labels[name]: limit for name, limit in config.lloq.items()})
    records = without(records, [label for label, output in outputs.items() if output is None])
    return records, {label: output for label, output in outputs.items() if output is not None}


def labels_of(config: RunConfig, records: twinsim.Records) -> dict[str, str]:
    """Labels of observed outputs by what the command line calls them: DV where the table has no DVID.

    Raises:
        UsageError: the configuration names another one.
    """
    labels = {label or "DV": label for label in records.dvids}
    for key, named in (("dvid", config.dvid), ("lloq", config.lloq)):
        for name in named:
            if name not in labels:
                what = f"no observation of {Path(records.source).name} has the DVID {name!r}"
                raise UsageError(what, where=f"{key}.{name}", do=nearest(name, labels))
    for name, limit in config.lloq.items():
        if limit <= 0.0:
            raise UsageError(f"{limit:g} is no limit of quantification", where=f"lloq.{name}", do="give one above 0")
    return labels


def stranger(name: str, output: str, known: Collection[str], whose: str) -> UsageError:
    """What to say about an output that nobody has."""
    do = f"{nearest(output, known)} dvid.{name}=NAME says which output it is, dvid.{name}=null leaves it out"
    return UsageError(f"{whose} is called {output!r}", where=f"dvid.{name}", do=do)
