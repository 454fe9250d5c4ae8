"""The door: `python -m twinsim +experiment=NAME key=value`. Hydra is known here alone, and nothing else prints.

Exit codes: 0 done, 1 some patients or shards failed (results kept), 2 wrong usage or config, 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
import tempfile
import traceback
from typing import Any, NoReturn

from twinsim.arguments import conf_folder, experiments_in, folders_of, friendly, in_keys, menu
from twinsim.config import RunConfig, from_mapping
from twinsim.errors import REMEDIES, TwinsimError, UsageError, nearest
from twinsim.kinds import KINDS
from twinsim.run.devices import configure

HELP = """\
twinsim: virtual patients by the million

usage: python -m twinsim +experiment=NAME key=value ...
       python -m twinsim -m +experiment=NAME key=value1,value2 ...     one run for each combination

{experiments}

copy and paste:
  python -m twinsim +experiment=quickstart
  python -m twinsim +experiment=cohort_pk model=warfarin_pk population.size=1000000 save=summary
  python -m twinsim +experiment=cohort_pk regimen.amount=500 regimen.interval=12 regimen.count=6 dry_run=true
  python -m twinsim +experiment=predict model=theophylline data=my_patients.csv columns.AMT=mg columns.DV=mg/L
  python -m twinsim +experiment=sweep 'sweep.grid.regimen.amount=[100,200,300]' out=runs/doses
  python -m twinsim +experiment=fit model=theophylline data=my_patients.csv columns.AMT=mg columns.DV=mg/L method=focei

keys:
  model=NAME|PATH  data=PATH  out=FOLDER  seed=0  precision=float32|float64
  population.size=1000  population.source=adults|PATH   or  population=table population.source=PATH (as they are)
  dvid.cp=concentration dvid.pca=null lloq.cp=0.05     what a table observed: its output, left out, below a limit
  regimen.amount=320 .unit=mg .per=kg .interval=12 .count=6 .route=oral .duration=1
  typical.cl=4.2 (patients still differ)  parameters.lag=0.5 covariates.dialysis=0 (the same for everyone)
  times.at=[0,1,2,4]  or  times.start=0 times.end=72 times.count=100
  endpoints=[auc,auc_inf,cmax,tmax,half_life,trough,time_above:10]   observed=true (with residual error)
  method=focei calibrate.bootstrap=200 calibrate.optimiser=bfgs|lbfgs|adam     of fits: docs/calibration.md
  save=trajectories|endpoints|summary      how much is written
  solver=auto|closed|linear|explicit|stiff  solver.rtol=1e-6  solver.max_steps=100000 (auto says what it chose and why)
  runner=local     runner.chunk=4096 runner.shard=65536 runner.filter=gzip
  dry_run=true     what a run needs, without starting it
  resume=true      continue a run that was stopped
  progress=auto|plain|json|none   report=false   quiet=true   debug=true (tracebacks)
  --cfg job        show every key with its value;  --config-dir DIR  add your own experiments

results: runs/NAME-HASH/results.h5 (HDF5; opens with xarray) and report.html beside it
exit codes: 0 done, 1 some patients failed (results kept), 2 wrong usage, 130 interrupted (resume=true continues)
"""


def command() -> NoReturn:
    """Run the command line of this process and end it."""
    # Tracing makes many objects that live on; looking through them again and again takes a fifth of a second.
    gc.set_threshold(100_000, 50, 100)
    code = main()
    # All files are closed by now; taking the interpreter and its programs apart would take half a second.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        the exit code.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Tracing makes objects by the million, hardly any of them in cycles: looking for cycles took a tenth of the time.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    configure(fast=True)
    debug = "debug=true" in [a.lower() for a in arguments]
    try:
        if not arguments or {"--help", "-h"} & set(arguments):
            _say(HELP.format(experiments=menu(experiments_in(folders_of(arguments)))))
            return 0
        return _compose_and_run(friendly(arguments))
    except KeyboardInterrupt:
        _complain("interrupted; the same command with resume=true continues")
        return 130
    except TwinsimError as error:
        return _refuse(str(error), debug)
    except Exception as error:
        return _refuse(_unexpected(error), debug)


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _refuse(text: str, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    _complain(f"error: {in_keys(text)}")
    return 2


def _unexpected(error: Exception) -> str:
    """What to say about an error that nobody foresaw."""
    text = str(error).strip().splitlines()
    first = text[0] if text else "no message"
    return f"{type(error).__name__}: {first}\n  do: add debug=true to see where it came from"


def _compose_and_run(arguments: list[str]) -> int:
    """Let Hydra compose each run's configuration; every error comes back to us."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf import DictConfig, OmegaConf

    codes: list[int] = []

    def task(composed: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig

        experiment = str(HydraConfig.get().runtime.choices.get("experiment", "run"))
        if missing := sorted(OmegaConf.missing_keys(composed)):
            raise UsageError(
                f"{', '.join(missing)} must be given",
                where=f"+experiment={experiment}",
                do=f"add {' '.join(f'{key}=VALUE' for key in missing)}",
            )
        values: Any = OmegaConf.to_container(composed, resolve=True)
        codes.append(_run(from_mapping(values, experiment)))

    def guarded(composed: DictConfig) -> None:
        """In a sweep, a run that is refused does not keep the others from running."""
        debug = bool(composed.get("debug", False))
        try:
            task(composed)
        except KeyboardInterrupt:
            codes.append(130)
            raise
        except TwinsimError as error:
            codes.append(_refuse(str(error), debug))
        except Exception as error:
            codes.append(_refuse(_unexpected(error), debug))

    # Hydra reads sys.argv, and prints and exits by itself unless this variable asks it to raise.
    before, variable = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    with tempfile.TemporaryDirectory(prefix="twinsim-") as scratch:
        # It writes multirun.yaml into the sweep's folder: away with it.
        sys.argv = ["twinsim", f"hydra.sweep.dir={scratch}", *arguments]
        os.environ["HYDRA_FULL_ERROR"] = "1"
        try:
            hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(guarded)()
        except SystemExit as error:
            return 2 if error.code else 0
        except TwinsimError:
            raise
        except HydraException as error:
            raise UsageError(_translated(error)) from error
        finally:
            sys.argv = before
            if variable is None:
                del os.environ["HYDRA_FULL_ERROR"]
            else:
                os.environ["HYDRA_FULL_ERROR"] = variable
    return 130 if 130 in codes else max(codes, default=0)


def _translated(error: Exception) -> str:
    """Hydra's message without its advice to add what was misspelt."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("To append")]
    cause = str(error.__cause__ or "").splitlines()
    return "\n  ".join([*lines, *cause[:1]]) or "the configuration cannot be composed"


def _run(config: RunConfig) -> int:
    _start_logging(config)
    if config.kind not in KINDS:
        raise UsageError(f"unknown kind {config.kind!r}", do=nearest(config.kind, KINDS))
    recipe = importlib.import_module(f"experiments.{config.kind}")
    finished = recipe.run(config)
    if finished.plan is not None:
        _say("\n".join(finished.plan.lines()))
        return 0
    if finished.exit_code == 130:
        _complain(f"interrupted; to continue: the same command with resume=true (folder {finished.folder})")
        return 130
    if finished.failures:
        _complain("\n       ".join(f"shard {number:05d}: {text}" for number, text in finished.failures.items()))
    if finished.n_failed:
        _complain(f"{finished.n_failed:,} of {finished.n_patients:,} patients failed; see status in the results")
        for name, count in sorted(finished.statuses.items()):
            _complain(f"  {name}: {count:,}; {REMEDIES.get(name, 'an unknown status')}")
    for name, count in sorted(finished.flagged.items()):
        _complain(f"{name}: {count:,} of {finished.n_patients:,} patients left the range in which the model was tested")
    if not config.quiet:
        for text in finished.notes:
            _say(text)
    _say(_where(finished))
    return finished.exit_code


def _where(finished: Any) -> str:
    """The last lines: where the results are and how to open them."""
    lines = [f"results: {path}" for path in finished.paths]
    if finished.report:
        lines.append(f"report:  {finished.report}")
    if finished.paths and finished.paths[0].suffix == ".h5":
        lines += ["", "  import xarray", f'  data = xarray.open_dataset("{finished.paths[0]}")']
    return "\n".join(lines)


class _Once(logging.Filter):
    """Lets each line through once: several steps of a run may choose the same solver."""

    def __init__(self) -> None:
        super().__init__()
        self.told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        is_new = text not in self.told
        self.told.add(text)
        return is_new


def _start_logging(config: RunConfig) -> None:
    """Lines of library and recipes on the standard error: which solver and why, what was converted or assumed."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(_Once())
    for name in ("twinsim", "experiments"):
        logger = logging.getLogger(name)
        for old in list(logger.handlers):
            logger.removeHandler(old)
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.WARNING if config.quiet else logging.DEBUG if config.debug else logging.INFO)
