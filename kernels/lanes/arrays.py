"""Primitives of JAX that move, cut and combine arrays; the patient axis stays out of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jax import lax

from kernels.lanes import memory as mem
from kernels.lanes.axis import PATIENTS, axis_of, lead
from kernels.lanes.memory import Memory
from kernels.lanes.program import Rule, Value, Writer
from kernels.lanes.rows import Rows, changed, sliced
from kernels.lanes.text import Register, Registers, Unsupported, boxed, constant


def _kept(shape: tuple[int, ...], per_axis: Any) -> tuple:
    """Entries of axes other than that of patients."""
    return tuple(entry for n, entry in zip(shape, per_axis, strict=True) if n != PATIENTS)


def not_patients(shape: tuple[int, ...], axis: int) -> None:
    if shape[axis] == PATIENTS:
        raise Unsupported("patients in another order or number")


def broadcast(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """New axes, and axes of length 1 made longer."""
    (value,), shape = values, equation.params["shape"]
    places = equation.params["broadcast_dimensions"]
    source, target = equation.invars[0].aval.shape, lead(shape)
    lane = axis_of(shape)
    # Where each of the operand's own axes goes among the result's own axes.
    going = {}
    squeezed = []
    for axis, place in enumerate(places):
        if source[axis] == PATIENTS:
            continue
        own = sum(1 for n in source[:axis] if n != PATIENTS)
        if place == lane:
            squeezed.append(own)
        else:
            going[place - (lane is not None and place > lane)] = own
    if isinstance(value, Memory):
        stretched = [1 if p not in going else value.shape[going[p]] for p in range(len(target))]
        strides = [
            0 if p not in going or stretched[p] != target[p] else value.strides[going[p]] for p in range(len(target))
        ]
        return replace(value, shape=target, strides=tuple(strides))
    if isinstance(value, Rows):
        if going.get(0) == 0 and not squeezed and value.shape[0] == target[0]:
            own = [value.shape[going[p]] if p in going else 1 for p in range(len(target))]
            return changed(value, target, lambda x: np.broadcast_to(x.reshape(own[1:]), target[1:]))
        value = writer.registers(value)
    array = value
    for own in sorted(squeezed, reverse=True):
        array = array.take(0, axis=own)
        going = {p: a - (a > own) for p, a in going.items()}
    order = [going[p] for p in sorted(going)]
    array = np.transpose(array, order)
    spread = [array.shape[sorted(going).index(p)] if p in going else 1 for p in range(len(target))]
    return np.broadcast_to(array.reshape(spread), target)


def reshape(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """The same elements in another shape; the patient axis must stay last."""
    (value,), old, new = values, equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    own = [n for n in new if n != PATIENTS]
    if axis_of(new) is not None and np.prod(new[axis_of(new) :], dtype=np.int64) != PATIENTS:
        raise Unsupported("a reshape across the patient axis")
    if axis_of(old) is not None and np.prod(old[axis_of(old) :], dtype=np.int64) != PATIENTS:
        raise Unsupported("a reshape across the patient axis")
    if isinstance(value, Memory):
        if [n for n in value.shape if n != 1] != [n for n in own if n != 1]:
            return writer.registers(value).reshape(own)
        strides = iter(s for s, n in zip(value.strides, value.shape, strict=True) if n != 1)
        return replace(value, shape=tuple(own), strides=tuple(0 if n == 1 else next(strides) for n in own))
    if isinstance(value, Rows) and own and own[0] == value.shape[0]:
        return changed(value, own, lambda x: x.reshape(own[1:]))
    return writer.registers(value).reshape(own)


def squeeze(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Axes of length 1 removed."""
    return reshape(writer, equation, values)


def transpose(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Axes in another order."""
    (value,), shape = values, equation.invars[0].aval.shape
    order = [sum(1 for n in shape[:a] if n != PATIENTS) for a in equation.params["permutation"] if shape[a] != PATIENTS]
    if isinstance(value, Memory):
        take = lambda entries: tuple(entries[a] for a in order)  # noqa: E731
        return replace(value, shape=take(value.shape), strides=take(value.strides))
    return np.transpose(value, order)


def slice_(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """A part known when the program is compiled."""
    (value,), shape, p = values, equation.invars[0].aval.shape, equation.params
    steps = p["strides"] or (1,) * len(shape)
    for n, start, stop, step in zip(shape, p["start_indices"], p["limit_indices"], steps, strict=True):
        if n == PATIENTS and (start, stop, step) != (0, n, 1):
            raise Unsupported("a part of the patients")
    starts, stops, steps = (_kept(shape, x) for x in (p["start_indices"], p["limit_indices"], steps))
    if isinstance(value, Rows):
        return sliced(value, starts, stops, steps, writer.text)
    if isinstance(value, Memory):
        sizes = [len(range(a, b, s)) for a, b, s in zip(starts, stops, steps, strict=True)]
        return mem.sliced(value, starts, sizes, steps, writer.text)
    return value[tuple(slice(a, b, s) for a, b, s in zip(starts, stops, steps, strict=True))]


def dynamic_slice(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """A part that begins at an index known only when it runs, the same for all patients or not."""
    value, *indices = values
    shape, sizes = equation.invars[0].aval.shape, equation.params["slice_sizes"]
    indices = [writer.registers(index)[()] for index, n in zip(indices, shape, strict=True) if n != PATIENTS]
    return _indexed(writer, value, equation.invars[0].aval.dtype, indices, _kept(shape, sizes))


def _nothing(dtype: Any) -> Any:
    """What JAX fills in where nothing else is said."""
    kind = np.dtype(dtype).kind
    return {"f": np.nan, "b": True}.get(kind) or getattr(np.iinfo(dtype), "min" if kind == "i" else "max")


def gather(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Rows of each patient's own column, or of a list for all: what an index per patient comes to."""
    value, index = values
    p, operand, indices = equation.params, *(v.aval.shape for v in equation.invars)
    d, lane, own = p["dimension_numbers"], axis_of(operand), axis_of(indices)
    batched = () if lane is None else (lane,), () if lane is None or own is None else (own,)
    if batched != (tuple(d.operand_batching_dims), tuple(d.start_indices_batching_dims)):
        raise Unsupported("a gather across patients")
    columns, dtype = boxed(writer.registers(index)), equation.invars[0].aval.dtype
    if not d.offset_dims and len(lead(operand)) == columns.shape[-1] == 1:
        return _entries(writer, value, dtype, columns[..., 0], p["mode"], p["fill_value"])
    if columns.ndim != 1 or p["mode"] == lax.GatherScatterMode.FILL_OR_DROP:
        raise Unsupported("a gather of several rows")
    starts: list[Register | None] = [None] * len(operand)
    for number, axis in enumerate(d.start_index_map):
        starts[axis] = columns[number]
    part = _indexed(writer, value, dtype, list(_kept(operand, starts)), _kept(operand, p["slice_sizes"]))
    collapsed = [sum(1 for n in operand[:a] if n != PATIENTS) for a in d.collapsed_slice_dims]
    part = writer.registers(part)
    return part.reshape([n for a, n in enumerate(part.shape) if a not in collapsed])


def _entries(writer: Writer, value: Value, dtype: Any, places: Registers, mode: Any, fill: Any) -> Registers:
    """Entries of a list, each at its place; what lies outside of the list is filled in where the mode says so."""
    table, text, places = writer.memory(value, dtype), writer.text, boxed(places)
    result: Registers = np.empty(places.shape, object)
    for position in np.ndindex(*places.shape):
        index = places[position]
        found = boxed(writer.registers(_indexed(writer, table, dtype, [index], (1,)))[0])[()]
        if mode == lax.GatherScatterMode.FILL_OR_DROP:
            inside = text.binary("icmp ult", index, constant(table.shape[0], index.dtype), bool)
            found = text.select(inside, found, constant(_nothing(dtype) if fill is None else fill, dtype))
        result[position] = found
    return result


def _indexed(writer: Writer, value: Value, dtype: Any, indices: list[Register | None], sizes: tuple) -> Value:
    """A view moved along some axes; None: the axis is whole."""
    text, view = writer.text, None
    shape = value.shape
    if all(i is None or not i.text.startswith("%") for i in indices) and isinstance(value, np.ndarray):
        starts = [
            0 if i is None else min(max(int(i.text), 0), n - s) for i, n, s in zip(indices, shape, sizes, strict=True)
        ]
        return value[tuple(slice(a, a + s) for a, s in zip(starts, sizes, strict=True))]
    view = writer.memory(value, dtype)
    for axis, (index, size) in enumerate(zip(indices, sizes, strict=True)):
        if index is not None and view.shape[axis] != size:
            last = constant(view.shape[axis] - size, index.dtype)
            signed = np.dtype(index.dtype).kind == "i"
            index = text.call("smin" if signed else "umin", (index, last))
            index = text.call("smax", (index, constant(0, index.dtype))) if signed else index
            view = mem.shifted(view, axis, index, text)
    view = replace(view, shape=tuple(sizes))
    return writer.registers(view) if view.offset.wide else view


def concatenate(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Arrays one after the other."""
    shape, axis = equation.outvars[0].aval.shape, equation.params["dimension"]
    not_patients(shape, axis)
    own = sum(1 for n in shape[:axis] if n != PATIENTS)
    return np.concatenate([writer.registers(v) for v in values], axis=own)


def stack(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Arrays side by side along a new axis."""
    shape, axis = equation.outvars[0].aval.shape, equation.params["axis"]
    return np.stack([writer.registers(v) for v in values], axis=sum(1 for n in shape[:axis] if n != PATIENTS))


def unstack(writer: Writer, equation: Any, values: list[Value]) -> list[Value]:
    """The arrays along an axis."""
    shape, axis = equation.invars[0].aval.shape, equation.params["axis"]
    not_patients(shape, axis)
    array = np.moveaxis(writer.registers(values[0]), sum(1 for n in shape[:axis] if n != PATIENTS), 0)
    return [boxed(row) for row in array]


def iota(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """0, 1, 2, ... along an axis."""
    p, shape = equation.params, equation.params["shape"]
    if shape[p["dimension"]] == PATIENTS:
        raise Unsupported("numbers that depend on a patient's place")
    own = sum(1 for n in shape[: p["dimension"]] if n != PATIENTS)
    result: Registers = np.empty(lead(shape), object)
    for position in np.ndindex(*result.shape):
        result[position] = constant(position[own], p["dtype"])
    return result


def rev(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Elements in the opposite order."""
    shape = equation.invars[0].aval.shape
    for axis in equation.params["dimensions"]:
        not_patients(shape, axis)
    axes = [sum(1 for n in shape[:a] if n != PATIENTS) for a in equation.params["dimensions"]]
    return np.flip(writer.registers(values[0]), tuple(axes))


def split(writer: Writer, equation: Any, values: list[Value]) -> list[Value]:
    """Parts along an axis."""
    shape, axis = equation.invars[0].aval.shape, equation.params["axis"]
    not_patients(shape, axis)
    own = sum(1 for n in shape[:axis] if n != PATIENTS)
    edges = np.cumsum(equation.params["sizes"])[:-1]
    return list(np.split(writer.registers(values[0]), edges, axis=own))


ARRAYS: dict[str, Rule] = {
    "broadcast_in_dim": broadcast,
    "reshape": reshape,
    "squeeze": squeeze,
    "expand_dims": reshape,
    "transpose": transpose,
    "slice": slice_,
    "dynamic_slice": dynamic_slice,
    "gather": gather,
    "concatenate": concatenate,
    "stack": stack,
    "unstack": unstack,
    "iota": iota,
    "rev": rev,
    "split": split,
}
