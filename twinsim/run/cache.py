"""Compiled programs are kept from run to run, in the user's own cache folder.

A program compiled once for a model, a shape and a machine is read back in milliseconds by later runs. JAX does the
keeping; here is decided where, how much, and that nothing about it can make a run fail.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

# The folder, or "off".
VARIABLE = "TWINSIM_CACHE"
# Above the first number the oldest programs go, until the second is reached [bytes]. A program has some 100 KiB.
MOST_BYTES, KEPT_BYTES = 512 * 2**20, 256 * 2**20
# A disk with less than this free is left alone [bytes].
FREE_BYTES = 256 * 2**20
_CHECKSUM = hashlib.sha256().digest_size
# Lines of /proc/cpuinfo that tell processors apart, on x86 and ARM.
_FEATURES = ("model name", "flags", "CPU part", "Features")


def keep_compiled() -> None:
    """Tell JAX where compiled programs are kept, unless the user has told it already or wants none kept."""
    import jax

    from kernels.lanes import host

    config = jax.config
    if getattr(config, "jax_compilation_cache_dir") is not None:  # noqa: B009 (unknown to type checkers)
        return
    folder = usable(cache_folder(os.environ))
    if folder is None:
        return
    config.update("jax_compilation_cache_dir", str(folder))
    host.keep_in(MachineCode(folder))
    # Small programs count too: a start has some thirty of them.
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES" not in os.environ:
        config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # A file that another process is just writing, or a disk that has filled up: the program is compiled as without.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache", UserWarning)


class MachineCode:
    """Object files of `kernels.lanes`, each with a checksum: half a file must never be run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """The code, if it is there and whole."""
        try:
            content = (self.folder / f"{name}.o").read_bytes()
        except OSError:
            return None
        code = content[_CHECKSUM:]
        return code if hashlib.sha256(code).digest() == content[:_CHECKSUM] else None

    def write(self, name: str, code: bytes) -> None:
        """Under a temporary name first; a disk that refuses costs nothing but the time saved."""
        temporary = self.folder / f"{name}.{os.getpid()}.tmp"
        try:
            temporary.write_bytes(hashlib.sha256(code).digest() + code)
            temporary.replace(self.folder / f"{name}.o")
        except OSError:
            temporary.unlink(missing_ok=True)


def cache_folder(environment: Mapping[str, str], system: str = sys.platform) -> Path | None:
    """Where this machine's programs are kept; None: nowhere.

    Machines that share a home have a folder each, as their processors differ.

    >>> cache_folder({"TWINSIM_CACHE": "off"}) is None
    True
    """
    given = environment.get(VARIABLE, "").strip()
    if given.lower() in {"off", "none", "0", "false"}:
        return None
    try:
        home = Path.home()
    except RuntimeError:  # a user without one
        return None
    if given:
        base = Path(given).expanduser()
    elif system == "win32":
        base = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "twinsim" / "cache"
    elif system == "darwin":
        base = home / "Library" / "Caches" / "twinsim"
    else:
        base = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "twinsim"
    return base / f"compiled-{_processor()}"


def _processor() -> str:
    """Eight digits for what the processor can do: a program made for another one might not run here."""
    text = f"{platform.system()} {platform.machine()} {platform.processor()}"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            text += "".join(line for line, _ in zip(file, range(40), strict=False) if line.startswith(_FEATURES))
    except OSError:  # no Linux
        pass
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def usable(folder: Path | None) -> Path | None:
    """The folder, made and not too full; None if it cannot be written."""
    if folder is None:
        return None
    try:
        # What lies here is run: nobody else may write it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours_alone(folder):
            return None
        if not os.access(folder, os.W_OK | os.X_OK) or shutil.disk_usage(folder).free < FREE_BYTES:
            return None
        _prune(folder)
    except OSError:
        return None
    return folder


def _is_ours_alone(folder: Path) -> bool:
    """Whether nobody else can put machine code there."""
    found = folder.stat()
    owner = getattr(os, "getuid", None)
    return owner is None or (found.st_uid == owner() and not found.st_mode & 0o022)


def _prune(folder: Path) -> None:
    """Remove the programs that were not used for longest if there are too many."""
    with os.scandir(folder) as entries:
        found = [(max(s.st_atime, s.st_mtime), s.st_size, e.path) for e in entries if e.is_file() and (s := e.stat())]
    total = sum(size for _, size, _ in found)
    if total <= MOST_BYTES:
        return
    for _, size, path in sorted(found):
        if total <= KEPT_BYTES:
            return
        Path(path).unlink(missing_ok=True)
        total -= size
