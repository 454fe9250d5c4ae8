"""Settings that must stand before JAX starts: every core a device, float64, and compiler options that fuse small loops.

Both compiler options are for XLA on CPU: loops whose buffers fit the cache become one function instead of one call per
operation, and stages that share intermediate values are computed once. Measured in docs/decisions/0002.
"""

import os
import sys

XLA_OPTIONS = "xla_cpu_small_while_loop_byte_threshold=1000000000,xla_cpu_use_multi_output_fusion"


def configure() -> None:
    """Prepare JAX for twinsim; what the user has set in the environment wins.

    Does nothing to an XLA_FLAGS that already holds extra options, nor to a number of CPU devices already chosen.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={XLA_OPTIONS}".strip()
    started = "jax" in sys.modules
    import jax

    jax.config.update("jax_enable_x64", True)
    if "xla_force_host_platform_device_count" in os.environ["XLA_FLAGS"] or "JAX_NUM_CPU_DEVICES" in os.environ:
        return
    try:
        jax.config.update("jax_num_cpu_devices", _cores())
    except RuntimeError:
        if not started:
            raise
        # The backend runs already, in somebody else's program: its devices are used as they are.


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity else os.cpu_count() or 1)
