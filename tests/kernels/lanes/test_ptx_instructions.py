"""Single instructions of PTX, written by hand where LLVM rarely chooses them, against what the manual says."""

import math

import numpy as np
import pytest

from tests.kernels.lanes.nvptx import same_bits
from tests.kernels.lanes.ptx_on_host import counted, launch

ALL = 0xFFFFFFFF
REGISTERS = ".reg .pred %p<9>; .reg .b16 %rs<9>; .reg .b32 %r<20>; .reg .f32 %f<9>; .reg .b64 %rd<20>;"


def kernel(body, variables=""):
    return f"""
.version 8.0
.target sm_90
.address_size 64
{variables}
.visible .entry other() {{ ret; }}
.visible .entry k(
	.param .u64 .ptr .global .align 8 in,
	.param .u64 count // and a comment; with { {} }
)
.maxntid 128, 1, 1
{{
  {REGISTERS}
  .loc 1 2 3
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [count];
  mov.u32 %r0, %tid.x;
  {body}
  ret;
}}"""


def evaluate(body, *inputs, variables="", count=1):
    """What a body leaves in %rd10... for inputs in %rd3..., all of 64 bits."""
    given = np.array([v % 2**64 for v in inputs] or [0], np.uint64)
    out = np.zeros(count, np.uint64)
    loads = "\n".join(f"ld.global.b64 %rd{3 + i}, [%rd1+{8 * i}];" for i in range(len(inputs)))
    stores = "\n".join(f"st.global.b64 [%rd2+{8 * i}], %rd{10 + i};" for i in range(count))
    launch(kernel(f"{loads}\n{body}\n{stores}", variables), "k", [given, out], grid=1, block=1)
    return int(out[0]) if count == 1 else [int(v) for v in out]


def narrow(instruction, *inputs):
    """An instruction of 32-bit registers: {0} is its result, {1}... its operands."""
    loads = " ".join(f"cvt.u32.u64 %r{i + 1}, %rd{3 + i};" for i in range(len(inputs)))
    call = instruction.format(*(f"%r{i}" for i in (10, *range(1, 9))))
    return evaluate(f"{loads} {call} cvt.u64.u32 %rd10, %r10;", *inputs)


def bits32(number):
    return int(np.float32(number).view(np.uint32))


def bits64(number):
    return int(np.float64(number).view(np.uint64))


@pytest.mark.parametrize("amount", [0, 1, 31, 32, 33, 63, 64, 2**31, ALL])
def test_shifts_by_more_than_there_is(amount):
    value = 0x9234567890ABCDEF
    signed = value - 2**64
    load = "cvt.u32.u64 %r1, %rd4;"
    assert evaluate(f"{load} shl.b64 %rd10, %rd3, %r1;", value, amount) == (value << min(amount, 64)) % 2**64
    assert evaluate(f"{load} shr.u64 %rd10, %rd3, %r1;", value, amount) == value >> min(amount, 64)
    assert evaluate(f"{load} shr.s64 %rd10, %rd3, %r1;", value, amount) == (signed >> min(amount, 63)) % 2**64
    assert narrow("shl.b32 {0}, {1}, {2};", 0x80000001, amount) == (0x80000001 << min(amount, 32)) & ALL
    assert narrow("shr.u32 {0}, {1}, {2};", 0x80000001, amount) == 0x80000001 >> min(amount, 32)
    assert narrow("shr.s32 {0}, {1}, {2};", 0x80000001, amount) == ((0x80000001 - 2**32) >> min(amount, 31)) & ALL


@pytest.mark.parametrize("amount", [0, 5, 31, 32, 40])
def test_funnel_shifts(amount):
    low, high = 0x89ABCDEF, 0x12345678
    both = high << 32 | low
    for mode, n in [("wrap", amount & 31), ("clamp", min(amount, 32))]:
        assert narrow(f"shf.l.{mode}.b32 {{0}}, {{1}}, {{2}}, {{3}};", low, high, amount) == both << n >> 32 & ALL
        assert narrow(f"shf.r.{mode}.b32 {{0}}, {{1}}, {{2}}, {{3}};", low, high, amount) == both >> n & ALL


@pytest.mark.parametrize("place", [0, 3, 20, 31, 32, 40, 255])
@pytest.mark.parametrize("length", [0, 1, 12, 31, 32, 33, 255])
def test_bit_fields(place, length):
    value, whole = 0xA5C3F00F, 0x13579BDF
    sign = value >> min(place + length - 1, 31) & 1 if length else 0

    def bit(i, fill):
        return value >> (place + i) & 1 if i < length and place + i <= 31 else fill

    unsigned, signed = (sum(bit(i, fill) << i for i in range(32)) for fill in (0, sign))
    assert narrow("bfe.u32 {0}, {1}, {2}, {3};", value, place, length) == unsigned
    assert narrow("bfe.s32 {0}, {1}, {2}, {3};", value, place, length) == signed
    inserted = whole
    for i in range(length):
        if place + i <= 31:
            inserted = inserted & ~(1 << (place + i)) | ((value >> i & 1) if i < 32 else 0) << (place + i)
    assert narrow("bfi.b32 {0}, {1}, {2}, {3}, {4};", value, whole, place, length) == inserted


def test_bytes_and_truth_tables():
    a, b, c = 0x80112233, 0x4455667F, 0x0F0F5A5A
    source = (b << 32 | a).to_bytes(8, "little")
    for selectors in (0x3210, 0x7654, 0x0123, 0xB4F0):
        expected = 0
        for i in range(4):
            byte = source[selectors >> 4 * i & 7]
            expected |= ((0xFF if byte & 0x80 else 0) if selectors >> 4 * i & 8 else byte) << 8 * i
        assert narrow("prmt.b32 {0}, {1}, {2}, {3};", a, b, selectors) == expected
        assert narrow(f"prmt.b32 {{0}}, {{1}}, {{2}}, {hex(selectors)}U;", a, b) == expected
    tables = {
        0x80: a & b & c,
        0xFE: a | b | c,
        0x96: a ^ b ^ c,
        0xCA: (a & b) | (~a & c),
        0: 0,
        255: ALL,
        0x1A: (a & b | c) ^ a,
    }
    for table, expected in tables.items():
        assert narrow(f"lop3.b32 {{0}}, {{1}}, {{2}}, {{3}}, {hex(table)};", a, b, c) == expected & ALL


def test_counts_of_bits():
    for value in (0, 1, 0x80000000, 0x00F0A000, ALL):
        assert narrow("popc.b32 {0}, {1};", value) == value.bit_count()
        assert narrow("clz.b32 {0}, {1};", value) == 32 - value.bit_length()
        assert narrow("brev.b32 {0}, {1};", value) == int(f"{value:032b}"[::-1], 2)
        assert narrow("bfind.u32 {0}, {1};", value) == (value.bit_length() - 1) & ALL
        plain = value if value < 2**31 else value ^ ALL
        assert narrow("bfind.s32 {0}, {1};", value) == (plain.bit_length() - 1) & ALL
        assert narrow("cnot.b32 {0}, {1};", value) == int(value == 0)


def test_products_and_quotients():
    a, b = 0x9234567890ABCDEF, 0xF0E1D2C3B4A59687
    signed = [v - 2**64 for v in (a, b)]
    assert evaluate("mul.hi.u64 %rd10, %rd3, %rd4;", a, b) == a * b >> 64
    assert evaluate("mul.hi.s64 %rd10, %rd3, %rd4;", a, b) == signed[0] * signed[1] >> 64
    assert evaluate("mad.lo.s64 %rd10, %rd3, %rd4, %rd5;", a, b, 9) == (a * b + 9) % 2**64
    wide = "cvt.u32.u64 %r1, %rd3; cvt.u32.u64 %r2, %rd4; mad.wide.s32 %rd10, %r1, %r2, %rd5;"
    assert evaluate(wide, -5, 7, 2**40) == 2**40 - 35
    # What a host would trap at.
    assert narrow("div.s32 {0}, {1}, {2};", 2**31, -1) == 2**31
    assert narrow("rem.s32 {0}, {1}, {2};", 2**31, -1) == 0
    assert narrow("div.u32 {0}, {1}, {2};", 5, 0) == ALL
    assert narrow("rem.s32 {0}, {1}, {2};", -7, 3) == -1 & ALL
    assert narrow("div.s32 {0}, {1}, {2};", -7, 2) == -3 & ALL
    assert narrow("add.sat.s32 {0}, {1}, {2};", 2**31 - 1, 5) == 2**31 - 1


def test_conversions():
    assert evaluate("cvt.rni.s32.f64 %r1, %rd3; cvt.s64.s32 %rd10, %r1;", bits64(-2.5)) == -2 % 2**64
    results = {"rni": 2, "rzi": 2, "rmi": 2, "rpi": 3}
    for how, expected in results.items():
        assert narrow(f"cvt.{how}.u32.f32 {{0}}, {{1}};", bits32(2.5)) == expected
        assert narrow(f"cvt.{how}.f32.f32 {{0}}, {{1}};", bits32(2.5)) == bits32(expected)
    # NaN: zero for small types, else the highest bit alone.
    assert narrow("cvt.rzi.s32.f32 {0}, {1};", bits32(np.nan)) == 0
    assert evaluate("cvt.rzi.s64.f64 %rd10, %rd3;", bits64(np.nan)) == 2**63
    assert evaluate("cvt.rzi.u64.f64 %rd10, %rd3;", bits64(-3.0)) == 0
    assert evaluate("cvt.rzi.s8.f64 %rs1, %rd3; cvt.s64.s16 %rd10, %rs1;", bits64(-1e9)) == -128 % 2**64
    assert evaluate("cvt.s64.s8 %rd10, %rd3;", 0x1FF) == 2**64 - 1
    assert evaluate("cvt.u64.u8 %rd10, %rd3;", 0x1FF) == 255
    assert evaluate("cvt.sat.u8.s64 %rd10, %rd3;", -4) == 0
    assert evaluate("cvt.sat.s8.u64 %rd10, %rd3;", 400) == 127
    assert narrow("cvt.sat.f32.f32 {0}, {1};", bits32(1.5)) == bits32(1.0)
    assert narrow("add.sat.f32 {0}, {1}, {1};", bits32(np.nan)) == 0


@pytest.mark.parametrize("number", [1 / 3, -1 / 3, 1e-50, -1e300, 0.5, 1e-40])
def test_directed_rounding(number):
    nearest = np.float32(number) if abs(number) < 1e39 else np.float32(math.copysign(math.inf, number))
    down = nearest if float(nearest) <= number else np.nextafter(nearest, np.float32(-np.inf))
    up = nearest if float(nearest) >= number else np.nextafter(nearest, np.float32(np.inf))
    for how, expected in {"rn": nearest, "rm": down, "rp": up, "rz": down if number > 0 else up}.items():
        body = f"cvt.{how}.f32.f64 %r1, %rd3; cvt.u64.u32 %rd10, %r1;"
        assert evaluate(body, bits64(number)) == int(expected.view(np.uint32))


@pytest.mark.parametrize("value", [0, 1, 2**53 + 1, 2**63 + 1025, 2**64 - 1])
def test_directed_rounding_of_integers_and_sums(value):
    nearest = float(value)
    down = nearest if int(nearest) <= value else math.nextafter(nearest, 0)
    up = nearest if int(nearest) >= value else math.nextafter(nearest, math.inf)
    for how, expected in {"rz": down, "rm": down, "rp": up, "rn": nearest}.items():
        assert evaluate(f"cvt.{how}.f64.u64 %rd10, %rd3;", value) == bits64(expected)
    assert evaluate("add.rp.f64 %rd10, %rd3, %rd4;", bits64(1), bits64(1e-30)) == bits64(1 + 2**-52)
    assert evaluate("fma.rz.f64 %rd10, %rd3, %rd3, %rd4;", bits64(1), bits64(-1e-30)) == bits64(1 - 2**-53)


def test_choices():
    assert narrow("slct.b32.s32 {0}, {1}, {2}, {3};", 5, 6, -1) == 6
    assert narrow("slct.b32.f32 {0}, {1}, {2}, {3};", 5, 6, bits32(-0.0)) == 5
    assert narrow("slct.b32.f32 {0}, {1}, {2}, {3};", 5, 6, bits32(np.nan)) == 6
    assert narrow("set.gtu.u32.f32 {0}, {1}, {2};", bits32(np.nan), 0) == ALL
    assert narrow("set.lt.f32.s32 {0}, {1}, {2};", -3, 2) == bits32(1.0)
    assert narrow("copysign.f32 {0}, {1}, {2};", bits32(-3.0), bits32(2.0)) == bits32(-2.0)
    both = "setp.eq.s32 %p1, {1}, 1; setp.lt.and.f32 %p2|%p3, {2}, {3}, !%p1;"
    both += "selp.u32 {0}, 1, 0, %p2; @%p3 add.u32 {0}, {0}, 2;"
    for one, a, b in [(1, 0.0, 1.0), (0, 0.0, 1.0), (0, 1.0, 0.0), (0, np.nan, 0.0)]:
        expected = int(a < b and one != 1) + 2 * int(not a < b and one != 1)
        assert narrow(both, one, bits32(a), bits32(b)) == expected
    subnormal = "testp.subnormal.f32 %p1, {1}; selp.u32 {0}, 1, 0, %p1;"
    assert [narrow(subnormal, bits32(v)) for v in (1e-40, 0.0, 1.0)] == [1, 0, 0]
    finite = "testp.finite.f32 %p1, {1}; selp.u32 {0}, 1, 0, %p1;"
    assert [narrow(finite, bits32(v)) for v in (-1.0, np.inf, np.nan)] == [1, 0, 0]


def test_approximate_functions_are_precise():
    x = np.float32(0.7)
    functions = {"ex2": np.exp2, "lg2": np.log2, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sqrt": np.sqrt}
    functions |= {"rcp": lambda v: 1 / v, "rsqrt": lambda v: 1 / np.sqrt(v)}
    for name, function in functions.items():
        found = np.array(narrow(f"{name}.approx.ftz.f32 {{0}}, {{1}};", bits32(x)), np.uint32).view(np.float32)
        np.testing.assert_allclose(found, function(np.float64(x)), rtol=3e-7)
    assert evaluate("rcp.rn.f64 %rd10, %rd3;", bits64(3.0)) == bits64(1 / 3)
    assert narrow("div.full.f32 {0}, {1}, {2};", bits32(1.0), bits32(3.0)) == bits32(1 / 3)


def test_packing_scopes_and_immediates():
    assert evaluate("mov.b64 {%r1, %r2}, %rd3; mov.b64 %rd10, {%r2, %r1};", 0x1111111122222222) == 0x2222222211111111
    assert evaluate("{ .reg .b32 %high; mov.b64 {_, %high}, %rd3; cvt.u64.u32 %rd10, %high; }", 7 << 32) == 7
    assert narrow("mov.b32 {0}, 0f3F800000;") == bits32(1.0)
    assert evaluate("add.rn.f64 %rd10, %rd3, 0d3FF0000000000000;", bits64(2.0)) == bits64(3.0)
    assert evaluate(
        "mov.f32 %f1, 0f40400000; mul.f32 %f1, %f1, 0f40000000; mov.b32 %r1, %f1; cvt.u64.u32 %rd10, %r1;"
    ) == (bits32(6.0))
    assert narrow("and.b32 {0}, {1}, -16;", 0xFF) == 0xF0
    assert narrow("mov.u32 {0}, %laneid;") == 0
    assert narrow("not.b32 {0}, {1}; @!%p1 bra $skip; mov.u32 {0}, 0; $skip: add.u32 {0}, {0}, 0x1;", ALL - 4) == 5


def test_variables_of_the_module():
    variables = """
.const .align 4 .f32 numbers[3] = {0f3F800000, 2.5, -1};
.visible .global .align 8 .b64 places[3] = {numbers, numbers+8, generic(ends)};
.global .align 1 .b8 ends[8] = {0xFF, 1, 2};
.global .u32 single = 77;
"""
    body = """
  mov.u64 %rd5, places;
  ld.global.u64 %rd6, [%rd5+8];
  ld.const.b32 %r1, [%rd6+-4];
  cvt.u64.u32 %rd10, %r1;
  ld.global.u64 %rd6, [places+16];
  ld.global.v2.u8 {%rs1, %rs2}, [%rd6];
  cvt.u64.u16 %rd11, %rs1;
  ld.global.s8 %rd12, [ends];
  ld.global.u32 %rd13, [single];
"""
    assert evaluate(body, variables=variables, count=4) == [bits32(2.5), 255, 2**64 - 1, 77]


def test_what_a_thread_alone_cannot_do():
    arrays = [np.zeros(1, np.uint64)] * 2
    for text in (
        "bar.sync 0",
        "shfl.sync.down.b32 %r1, %r2, 1, 31, -1",
        "add.f16 %rs1, %rs1, %rs2",
        "wonder.b32 %r1, %r2",
    ):
        with pytest.raises(NotImplementedError, match=text.split()[0]):
            launch(kernel(f"{text};"), "k", arrays, grid=1, block=1)
    with pytest.raises(NotImplementedError, match="cvt.rna.tf32"):
        launch(kernel("cvt.rna.tf32.f32 %r1, %f1;"), "k", arrays, grid=1, block=1)
    with pytest.raises(RuntimeError, match="trap in thread 2"):
        launch(kernel("setp.eq.u32 %p1, %r0, 2; @%p1 trap;"), "k", arrays, grid=1, block=4)
    with pytest.raises(ValueError, match="takes 2 arrays"):
        launch(kernel(""), "k", arrays[:1], grid=1, block=1)


def test_each_instruction_counts():
    body = "setp.ge.u32 %p1, %r0, 2; @%p1 bra $out; add.u32 %r1, %r1, 1; @%p1 add.u32 %r1, %r1, 1; $out:"
    counts = counted(kernel(body), "k", [np.zeros(1)] * 2, grid=1, block=3)
    same_bits(counts, np.array([8, 8, 6]))
