"""Bits of strings."""

import values

COMMANDS = """
14 SETBIT key bit-offset bit
8  GETBIT key bit-offset
4  SET key value
8  BITCOUNT key [index index]
6  BITCOUNT key index index <BIT | BYTE | word>
2  BITCOUNT key huge-integer huge-integer [BIT]
6  BITPOS key bit [index]
8  BITPOS key bit index index [BIT | BYTE]
2  BITPOS key bit huge-integer huge-integer [BIT]
6  BITOP <AND | OR | XOR> key key...
3  BITOP NOT key key
1  BITOP <NOT | word> key key...
10 BITFIELD key <bitfield-operation>...
6  BITFIELD key [GET field-type field-offset] [OVERFLOW overflow] [INCRBY field-type field-offset integer]
4  BITFIELD key OVERFLOW overflow SET field-type field-offset integer INCRBY field-type field-offset integer
4  BITFIELD_RO key <GET field-type field-offset>...
1  BITFIELD_RO key SET field-type field-offset integer
4  GET key
2  STRLEN key
2  DEL key
1  SET key value PX short-milliseconds ; WAIT 5 ; SETBIT @1 3 1 ; GET @1
"""
COMMANDS = COMMANDS.replace("<bitfield-operation>", "<GET field-type field-offset | SET field-type field-offset integer | "
                            "INCRBY field-type field-offset integer | OVERFLOW overflow>")


def _field_offset(source) -> bytes:
    chance = source.chance()
    if chance < 0.6:
        return b"%d" % source.below(100)
    if chance < 0.9:
        return b"#%d" % source.below(20)
    return source.choose([b"-1", b"#-1", b"#", b"abc", b"#abc", b"8388607", b"8388608", b"#131072", b"4294967295",
                          b"9223372036854775807", b"#9223372036854775807", b"", b"1.5"])


KINDS = {
    "field-type": values.of("u8 i8 u1 i1 u5 i5 u16 i16 u32 i32 u63 i64 u4 i3 u64 i65 u0 i0 U8 x8 u i u-1 8 u08"),
    "field-offset": _field_offset,
    "overflow": values.of("WRAP SAT FAIL wrap nothing"),
}
