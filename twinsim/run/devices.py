"""Settings that must stand before JAX starts: every core a device, float64, and how XLA compiles loops for CPUs.

A step of tier explicit is some three hundred operations on vectors that fit the cache; XLA's defaults make a call of
each. Three options change that, measured in docs/decisions/0002: whole loops become one function, stages that share
intermediate values are computed once, and vectors are as wide as the machine has them. The second one makes XLA abort
on some programs of other packages, so it is set where only ours run: in the command and the benchmarks, or where
TWINSIM_XLA=fast asks for it. TWINSIM_LANES=off leaves everything to XLA.
"""

import os
import sys

from twinsim.run.cache import keep_compiled

WIDE = "--xla_cpu_prefer_vector_width=512"
LOOPS = "xla_cpu_small_while_loop_byte_threshold=1000000000"
SHARED_STAGES = "xla_cpu_use_multi_output_fusion"


def configure(fast: bool = False) -> None:
    """Prepare JAX for twinsim; what the user has set in the environment wins.

    Args:
        fast: only programs of ours will be compiled in this process.
    """
    _set_compiler(fast or os.environ.get("TWINSIM_XLA") == "fast")
    started = "jax" in sys.modules
    import jax

    from kernels.lanes import leave_to_xla

    if os.environ.get("TWINSIM_LANES") == "off":
        leave_to_xla("TWINSIM_LANES=off")

    jax.config.update("jax_enable_x64", True)
    keep_compiled()
    if "xla_force_host_platform_device_count" in os.environ["XLA_FLAGS"] or "JAX_NUM_CPU_DEVICES" in os.environ:
        return
    try:
        jax.config.update("jax_num_cpu_devices", _cores())
    except RuntimeError:
        if not started:
            raise
        # The backend runs already, in somebody else's program: its devices are used as they are.


def _set_compiler(fast: bool) -> None:
    """XLA_FLAGS with our options; extra options that are not ours are left alone."""
    flags = os.environ.get("XLA_FLAGS", "").split()
    extra = "--xla_backend_extra_options="
    ours = {f"{extra}{LOOPS}", f"{extra}{LOOPS},{SHARED_STAGES}"}
    flags = [flag for flag in flags if flag not in ours]
    if not any(flag.startswith(extra) for flag in flags):
        flags.append(f"{extra}{LOOPS},{SHARED_STAGES}" if fast else f"{extra}{LOOPS}")
    if not any(flag.startswith(WIDE.partition("=")[0]) for flag in flags):
        flags.append(WIDE)
    os.environ["XLA_FLAGS"] = " ".join(flags)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity else os.cpu_count() or 1)
