"""XLA:GPU's custom call for PTX, done by this processor: everything else of a program is XLA:CPU's."""

import jax
import jax.numpy as jnp
import numpy as np

import kernels.lanes as package
from kernels.lanes import nvidia
from tests.kernels.lanes.ptx_on_host import launch


def on_gpu(patch, asked=None):
    """From now on kernels are those of a GPU (compute capability 9.0).

    Args:
        patch: pytest's monkeypatch.
        asked: collects the attributes of each call.
    """

    def ffi_call(target, results, input_output_aliases):
        assert target == nvidia.TARGET

        def called(*operands, name, kernel_type, kernel_data, shared_mem_bytes, **sizes):
            assert kernel_type == "ptx" and shared_mem_bytes == 0 and f".maxntid {nvidia.BLOCK}" in kernel_data
            assert all(isinstance(size, np.int32) for size in sizes.values())
            assert [sizes[f"{kind}_{axis}"] for kind in ("grid", "block") for axis in "yz"] == [1, 1, 1, 1]
            if asked is not None:
                asked.append({"name": name, "ptx": kernel_data, **sizes})
            for operand, result in input_output_aliases.items():
                assert operands[operand].shape == results[result].shape

            def run(*arrays):
                # A kernel that reads what it has not written would find NaN.
                made = [np.full(r.shape, np.nan if r.dtype.kind == "f" else 77, r.dtype) for r in results]
                given = [np.array(a, order="C") for a in arrays]
                before = [a.copy() for a in given]
                launch(kernel_data, name, [*given, *made], grid=int(sizes["grid_x"]), block=int(sizes["block_x"]))
                for a, b in zip(given, before, strict=True):
                    np.testing.assert_array_equal(a, b)  # operands are left alone
                return [m.view(np.bool_) if m.dtype == np.bool_ else m for m in made]

            return jax.pure_callback(run, results, *map(jnp.asarray, operands))

        return called

    patch.setattr(package, "here", lambda: nvidia)
    patch.setattr(nvidia, "_trouble", lambda: "")
    patch.setattr(nvidia, "processor_of", lambda device: "sm_90")
    patch.setattr(nvidia.jax.ffi, "ffi_call", ffi_call)
