"""HyperLogLogs, compared register by register in whichever form the server keeps them."""

from model import command

from .kind import Kind, is_big

REGISTERS = 1 << 14
MASK = (1 << 64) - 1


class Registers(dict):
    """The registers that are not zero. There may be none: the key exists all the same."""

    def __copy__(self):
        return Registers(self)


def murmur(data: bytes) -> int:
    """MurmurHash64A with the seed that HyperLogLogs use."""
    m, h = 0xC6A4A7935BD1E995, 0xADC83B19 ^ (len(data) * 0xC6A4A7935BD1E995 & MASK)
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        k = int.from_bytes(data[at:at + 8], "little") * m & MASK
        h = (h ^ ((k ^ k >> 47) * m & MASK)) * m & MASK
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & MASK
    h = (h ^ h >> 47) * m & MASK
    return h ^ h >> 47


def raise_to(registers: dict, place: int, value: int) -> bool:
    higher = value > registers.get(place, 0)
    if higher:
        registers[place] = value
    return higher


@command("PFADD")
def pfadd(model, _sent_at, _reply, key, *elements):
    changed = key not in model.values
    registers = model.at(key, Registers)
    for element in elements:
        hash = murmur(element)
        rest = hash >> 14 | 1 << 50
        changed |= raise_to(registers, hash % REGISTERS, (rest & -rest).bit_length())
    return int(changed)


@command("PFMERGE", keys=lambda words: words)
def pfmerge(model, _sent_at, _reply, target, *sources):
    for source in [dict(model.values.get(source, {})) for source in sources]:
        for place, value in source.items():
            raise_to(model.at(target, Registers), place, value)
    model.at(target, Registers)
    return b"OK"


def decode(text: bytes) -> Registers:
    body = text[16:]
    if text[4] == 0:  # dense: six bits each
        found = Registers()
        for place in range(REGISTERS):
            at = place * 6
            value = int.from_bytes(body[at // 8:at // 8 + 2], "little") >> at % 8 & 63
            if value:
                found[place] = value
        return found
    found, place, at = Registers(), 0, 0
    while at < len(body):
        byte = body[at]
        if byte & 0x80:
            for _ in range((byte & 3) + 1):
                found[place] = (byte >> 2 & 31) + 1
                place += 1
        elif byte & 0x40:
            at += 1
            place += ((byte & 63) << 8 | body[at]) + 1
        else:
            place += byte + 1
        at += 1
    return found


class HyperLogLogs(Kind):
    letter, keys, share = "p", 8, 0.7

    def generate(self, writer):
        random, key = writer.random, writer.key("p")
        if random.random() < 0.15:
            return ("PFMERGE", key, writer.key("p"), writer.key("p"))
        count = random.randrange(1, 50 if is_big(key) else 4)
        return ("PFADD", key, *(b"%d" % random.randrange(1 << 20) for _ in range(count)))

    def reads(self, key):
        return [("GET", key)]

    def parse(self, replies):
        return None if replies[0] is None else decode(replies[0])
