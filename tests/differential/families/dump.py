"""DUMP and RESTORE. Of what is dumped only short strings have one form; the payloads are redis-server 7.0's."""

import values

OWN_KEYS = "all"

COMMANDS = """
10 RESTORE key 0 payload [REPLACE] [ABSTTL] [IDLETIME index] !steady
4  RESTORE key milliseconds payload [REPLACE] [FREQ index] [IDLETIME index]
3  RESTORE key unix-milliseconds payload ABSTTL [REPLACE]
3  RESTORE key 0 spoilt-payload [REPLACE] !steady
2  RESTORE key bad-integer payload [REPLACE] !steady
1  RESTORE key -1 payload !steady
2  RESTORE key 0 payload <REPLACE | ABSTTL | IDLETIME | FREQ | word> [integer] !steady
4  SET key short-text ; DUMP @1
2  DUMP key => shape
2  DUMP 'missing => shape
2  DEL key
"""

# A string, a number, a compressed string, a list, sets, a hash, a sorted set; one of each form that has no listpack; a
# stream with a group.
PAYLOADS = [bytes.fromhex(text) for text in (
    "00036162630a00d9ac303d4172a2e2",
    "00c1c7cf0a0067eda236b4db26d0",
    "00c30a407802616261e06a010161620a00b288708c530716d2",
    "120102c31540550d5500000003008161020101e04662e03c000148ff0a0015ca7d3bd8ebd892",
    "0b1404000000030000000100000002000000701101000a0085d5c1065b1dd055",
    "020101610a006296e97e44d21a6d",
    "10121200000004008166028176028167020101ff0a0023c1a5e35dfae81c",
    "1114140000000400816102010181620283322e3504ff0a00d44c6ea4f644d9d7",
    "05030163000000000000f07f016200000000000004400161000000000000f03f0a00d05d23af3e180fa6",
    "0401016601760a00adf24356b1860efc",
    "1301100000000000000001000000000000000128280000000f00020100010101816602000102010001000181760204010201010100018177"
    "020401ff020201010100000201026731000081ffffffffffffffff00000a00004b5f8c03c1952b",
)]


def _spoilt(source) -> bytes:
    """A payload with another checksum, version or length."""
    payload = bytearray(source.choose(PAYLOADS))
    if source.chance() < 0.3:
        return bytes(payload[:source.below(len(payload))])
    payload[source.below(len(payload))] ^= 1 << source.below(8)
    return bytes(payload)


KINDS = {
    "payload": lambda source: source.choose(PAYLOADS), "spoilt-payload": _spoilt,
    "short-text": values.of("abc 1 -5 hello 70000 12345678901 -129 0012"),
}
