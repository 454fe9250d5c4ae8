"""Random expressions through PTX and directly on this processor agree to the bit."""

import ctypes
import random

import numpy as np
import pytest

from tests.kernels.lanes.nvptx import LLVM, compute, same_bits
from tests.kernels.lanes.ptx_on_host import compiled

SIZE = 64
OPERATIONS = 70
DTYPES = {kind: np.dtype(name) for name, kind in LLVM.items()}
INTEGERS, FLOATS = ("i32", "i64"), ("float", "double")
SUFFIX = {"float": "f32", "double": "f64"}
WHOLE = ["add", "sub", "mul", "and", "or", "xor"]
EXTREMES = ["smin", "smax", "umin", "umax", "sadd.sat", "usub.sat"]
ROUNDINGS = ["floor", "ceil", "trunc", "rint", "roundeven", "nearbyint", "round", "fabs", "sqrt"]
FLOAT_PAIRS = ["maximum", "minimum", "maximumnum", "minimumnum", "copysign"]
ORDERED = ["oeq", "one", "olt", "ole", "ogt", "oge", "ord", "uno", "ueq", "une", "ult", "ule", "ugt", "uge"]
SIGNED = ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"]


class Expression:
    """LLVM assembly of operations on what was computed before."""

    def __init__(self, seed, inputs):
        self.random = random.Random(seed)
        self.lines = []
        self.values = {kind: [] for kind in (*INTEGERS, *FLOATS)}
        for i, kind in enumerate(inputs):
            self.values[kind].append(f"%x{i}")

    def new(self, text):
        name = f"%e{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def pick(self, kind):
        return self.random.choice(self.values[kind][-12:] + self.values[kind][:3])

    def step(self):
        kind = self.random.choice([*INTEGERS, *FLOATS])
        ways = [self.whole, self.bits, self.divided, self.narrow] if kind in INTEGERS else [self.float, self.rounded]
        way = self.random.choice([*ways, self.converted, self.chosen])
        self.values[kind].append(way(kind))

    def call(self, name, kind, *arguments, flag=""):
        given = ", ".join(f"{kind} {a}" for a in arguments) + flag
        return self.new(f"call {kind} @llvm.{name}.{SUFFIX.get(kind, kind)}({given})")

    def whole(self, kind):
        a, b = self.pick(kind), self.pick(kind)
        if self.random.random() < 0.4:
            return self.call(self.random.choice(EXTREMES), kind, a, b)
        return self.new(f"{self.random.choice(WHOLE)} {kind} {a}, {b}")

    def bits(self, kind):
        a, b, size = self.pick(kind), self.pick(kind), int(kind[1:])
        way = self.random.choice(["shl", "lshr", "ashr", "fshl", "fshr", "count", "high"])
        if way in ("fshl", "fshr"):
            return self.call(way, kind, a, self.random.choice([a, b]), self.pick(kind))
        if way == "count":
            name = self.random.choice(["ctpop", "bitreverse", "bswap", "ctlz", "cttz", "abs"])
            return self.call(name, kind, a, flag=", i1 false" if name in ("ctlz", "cttz", "abs") else "")
        if way == "high":
            grow, wide = self.random.choice(["sext", "zext"]), f"i{2 * size}"
            a, b = (self.new(f"{grow} {kind} {value} to {wide}") for value in (a, b))
            high = self.new(f"lshr {wide} {self.new(f'mul {wide} {a}, {b}')}, {size}")
            return self.new(f"trunc {wide} {high} to {kind}")
        return self.new(f"{way} {kind} {a}, {self.new(f'and {kind} {b}, {size - 1}')}")

    def divided(self, kind):
        divisor = self.new(f"or {kind} {self.new(f'lshr {kind} {self.pick(kind)}, {self.random.choice([1, 9])}')}, 1")
        divisor = self.random.choice([divisor, "7", "10"])
        return self.new(f"{self.random.choice(['sdiv', 'udiv', 'srem', 'urem'])} {kind} {self.pick(kind)}, {divisor}")

    def narrow(self, kind):
        small = self.random.choice(["i8", "i16"])
        value = self.new(f"trunc {kind} {self.pick(kind)} to {small}")
        value = self.new(f"add {small} {value}, {self.new(f'trunc {kind} {self.pick(kind)} to {small}')}")
        return self.new(f"{self.random.choice(['sext', 'zext'])} {small} {value} to {kind}")

    def float(self, kind):
        a, b = self.pick(kind), self.pick(kind)
        way = self.random.choice(["fadd", "fsub", "fmul", "fdiv", "fma", "fmuladd", "pair"])
        if way == "fma":
            return self.call("fma", kind, a, b, self.pick(kind))
        if way == "pair":
            return self.call(self.random.choice(FLOAT_PAIRS), kind, a, b)
        if way == "fmuladd":  # never contracted
            return self.new(f"fadd {kind} {self.new(f'fmul {kind} {a}, {b}')}, {self.pick(kind)}")
        return self.new(f"{way} {kind} {a}, {b}")

    def rounded(self, kind):
        if self.random.random() < 0.2:
            return self.new(f"fneg {kind} {self.pick(kind)}")
        return self.call(self.random.choice(ROUNDINGS), kind, self.pick(kind))

    def converted(self, kind):
        source = self.random.choice([other for other in self.values if other != kind])
        value = self.pick(source)
        if kind in INTEGERS and source in FLOATS:
            name = f"llvm.fpto{self.random.choice('su')}i.sat.{kind}.{SUFFIX[source]}"
            return self.new(f"call {kind} @{name}({source} {value})")
        if kind in FLOATS and source in INTEGERS:
            return self.new(f"{self.random.choice(['sitofp', 'uitofp'])} {source} {value} to {kind}")
        how = {"i32": ["trunc"], "i64": ["sext", "zext"], "float": ["fptrunc"], "double": ["fpext"]}[kind]
        return self.new(f"{self.random.choice(how)} {source} {value} to {kind}")

    def chosen(self, kind):
        of = self.random.choice(list(self.values))
        how = f"icmp {self.random.choice(SIGNED)}" if of in INTEGERS else f"fcmp {self.random.choice(ORDERED)}"
        holds = self.new(f"{how} {of} {self.pick(of)}, {self.pick(of)}")
        return self.new(f"select i1 {holds}, {kind} {self.pick(kind)}, {kind} {self.pick(kind)}")


def arrays(seed):
    rng = np.random.default_rng(seed)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 0.5, -1.5, 2.5, 1e-310, 3e9, -1e19]
    found = []
    for dtype in (np.int32, np.int64):
        limits = np.iinfo(dtype)
        whole = rng.integers(limits.min, limits.max, SIZE, dtype)
        whole[:6] = [0, 1, -1, limits.min, limits.max, 31]
        found += [whole, rng.integers(-50, 50, SIZE, dtype)]
    for dtype in (np.float32, np.float64):
        with np.errstate(under="ignore"):
            wide = np.r_[special, rng.normal(size=SIZE - len(special)) * 10 ** rng.uniform(-3, 12, SIZE - len(special))]
            found += [wide.astype(dtype), rng.normal(size=SIZE).astype(dtype)]
    return found


def directly(body, given, kind):
    """The same expression compiled for this processor, without a GPU's assembly in between."""
    loads = "\n".join(
        f"  %p{i} = getelementptr {k}, ptr %a{i}, i32 %i\n  %x{i} = load {k}, ptr %p{i}"
        for i, k in enumerate(LLVM[array.dtype.name] for array in given)
    )
    parameters = ", ".join([f"ptr %a{i}" for i in range(len(given))] + ["ptr %out", "i32 %i"])
    assembly = f"""define void @f({parameters}) {{
{loads}
{body}
  %pout = getelementptr {kind}, ptr %out, i32 %i
  store {kind} %result, ptr %pout
  ret void
}}"""
    out = np.zeros(SIZE, DTYPES[kind])
    run = compiled(assembly, "f", *[ctypes.c_void_p] * (len(given) + 1), ctypes.c_int32)
    for i in range(SIZE):
        run(*(array.ctypes.data for array in given), out.ctypes.data, i)
    return out


@pytest.mark.parametrize("seed", range(24))
def test_random_expressions(seed):
    given = arrays(seed)
    expression = Expression(seed, [LLVM[array.dtype.name] for array in given])
    for _ in range(OPERATIONS):
        expression.step()
    kind = (*INTEGERS, *FLOATS)[seed % 4]
    # All late values take part, so that little of the expression is dead.
    total = expression.values[kind][-1]
    for value in expression.values[kind][-8:-1]:
        total = expression.new(f"{'xor' if kind in INTEGERS else 'fadd'} {kind} {total}, {value}")
    zero = f"add {kind} {total}, 0" if kind in INTEGERS else f"fsub {kind} {total}, 0.0"
    body = "\n".join([*expression.lines, f"  %result = {zero}"])
    found = compute(body, given, DTYPES[kind], level=3 if seed % 3 else 0)
    same_bits(found, directly(body, given, kind))
