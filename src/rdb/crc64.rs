//! Redis's CRC-64: polynomial of Jones, 0xad93d23594c935a9, bits reflected, from 0, nothing added at the end. The
//! check value of "123456789" is 0xe9c6d914c4b8d9ca.

const REFLECTED: u64 = 0xad93_d235_94c9_35a9_u64.reverse_bits();

/// `TABLES[n][byte]` is what `byte` does to the sum when `n` more bytes follow: eight bytes are taken at once.
static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = (byte as u64, 0);
        while bit < 8 {
            sum = (sum >> 1) ^ (if sum & 1 == 1 { REFLECTED } else { 0 });
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            byte += 1;
        }
        n += 1;
    }
    tables
}

/// The sum of what gave `sum` so far (0 at the beginning) and of `bytes` behind it.
pub fn update(mut sum: u64, bytes: &[u8]) -> u64 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let mixed = (sum ^ u64::from_le_bytes(*eight)).to_le_bytes();
        sum = 0;
        for (index, byte) in mixed.into_iter().enumerate() {
            sum ^= TABLES[7 - index][usize::from(byte)];
        }
    }
    for byte in rest {
        sum = TABLES[0][usize::from(sum as u8 ^ byte)] ^ (sum >> 8);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_that_of_jones() {
        assert_eq!(update(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let text: Vec<u8> = (0..100).map(|n: u8| n.wrapping_mul(37)).collect();
        let whole = text.iter().fold(0, |sum, byte| update(sum, &[*byte]));
        for cut in 0..=text.len() {
            assert_eq!(update(update(0, &text[..cut]), &text[cut..]), whole);
        }
    }
}
