//! Key → slot → partition, as in Redis Cluster: CRC-16 (XMODEM) of the key, or of its `{tag}`, modulo 16384.

/// One of the 16384 slots.
pub type Slot = u16;

/// How many slots there are.
pub const SLOTS: u16 = 16_384;

const TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-16/XMODEM.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The slot of a key: of what stands between the first `{` and the next `}`, if that is not empty, else of all.
pub fn of_key(key: &[u8]) -> Slot {
    let tag = memchr::memchr(b'{', key).and_then(|open| {
        let rest = &key[open + 1..];
        memchr::memchr(b'}', rest).filter(|&length| length > 0).map(|length| &rest[..length])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// The partition, of `partitions`, that owns a slot. Each owns a contiguous range.
pub fn partition_of(slot: Slot, partitions: usize) -> usize {
    usize::from(slot) * partitions / usize::from(SLOTS)
}

/// The slots that a partition owns: first, and one past the last.
pub fn range_of(partition: usize, partitions: usize) -> std::ops::Range<Slot> {
    let first = |index: usize| (index * usize::from(SLOTS)).div_ceil(partitions) as Slot;
    first(partition)..first(partition + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis_cluster() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(of_key(b"foo"), 12182);
        assert_eq!(of_key(b"{foo}bar"), 12182);
        assert_eq!(of_key(b"x{foo}{bar}"), 12182);
        assert_eq!(of_key(b"{}foo"), crc16(b"{}foo") % SLOTS);
        assert_eq!(of_key(b"{foo"), crc16(b"{foo") % SLOTS);
    }

    #[test]
    fn every_slot_has_one_owner_and_ranges_are_contiguous() {
        for partitions in [1, 2, 3, 5, 16, 64, 1000] {
            let mut next = 0;
            for partition in 0..partitions {
                let range = range_of(partition, partitions);
                assert_eq!(range.start, next);
                next = range.end;
                for slot in [range.start, range.end - 1] {
                    assert_eq!(partition_of(slot, partitions), partition);
                }
            }
            assert_eq!(next, SLOTS);
        }
    }
}
