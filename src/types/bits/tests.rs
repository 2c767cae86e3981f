use super::*;

fn bit(bytes: &[u8], index: u64) -> bool {
    bytes[(index / 8) as usize] & (0x80 >> (index % 8)) != 0
}

#[test]
fn bits_are_counted_and_found_as_one_by_one() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..2000 {
        let length = random.usize(0..40);
        // Long runs of one kind, so that whole words are passed over.
        let rare = random.u8(1..30);
        let flip = if random.bool() { 0xff } else { 0 };
        let bytes: Vec<u8> =
            (0..length).map(|_| flip ^ if random.u8(0..rare) == 0 { random.u8(..) } else { 0 }).collect();
        let bits = length as u64 * 8;
        assert_eq!(count_ones(&bytes), (0..bits).filter(|&index| bit(&bytes, index)).count() as u64);
        let from = random.u64(0..bits + 10);
        for wanted in [false, true] {
            let expected = (from..bits).find(|&index| bit(&bytes, index) == wanted);
            assert_eq!(first(&bytes, wanted, from), expected, "{bytes:?} {wanted} {from}");
        }
    }
}

#[test]
fn operations_are_those_on_single_bytes() {
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..500 {
        let length = random.usize(0..40);
        let mut some = || -> Vec<u8> { (0..length).map(|_| random.u8(..)).collect() };
        let (one, other) = (some(), some());
        for operation in [Operation::And, Operation::Or, Operation::Xor, Operation::Not] {
            let mut result = one.clone();
            operation.apply(&mut result, &other);
            operation.end(&mut result);
            let expected: Vec<u8> = one
                .iter()
                .zip(&other)
                .map(|(a, b)| match operation {
                    Operation::And => a & b,
                    Operation::Or => a | b,
                    Operation::Xor => a ^ b,
                    Operation::Not => !a,
                })
                .collect();
            assert_eq!(result, expected, "{operation:?}");
        }
    }
}

#[test]
fn fields_of_all_widths_read_back_and_leave_their_neighbours() {
    let mut random = fastrand::Rng::with_seed(3);
    for signed in [false, true] {
        for bits in 1..=if signed { 64 } else { 63 } {
            for begin in 0..8 {
                let width = Width { signed, bits };
                let mut bytes: [u8; FIELD_BYTES] = std::array::from_fn(|_| random.u8(..));
                let before = bytes;
                let (min, max) = width.limits();
                let value = random.i64(min..=max);
                width.set(&mut bytes, begin, value);
                assert_eq!(width.get(&bytes, begin), value);
                let inside = u64::from(begin)..u64::from(begin + bits);
                for index in (0..72).filter(|index| !inside.contains(index)) {
                    assert_eq!(bit(&bytes, index), bit(&before, index), "{width:?} at {begin}");
                }
                assert_eq!(width.span(begin), (inside.end as usize).div_ceil(8));
            }
        }
    }
}

/// The sum in more bits than any field has.
fn exact(width: Width, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
    let (min, max) = width.limits();
    let sum = i128::from(value) + i128::from(increment);
    if (i128::from(min)..=i128::from(max)).contains(&sum) {
        return Some(sum as i64);
    }
    match overflow {
        Overflow::Fail => None,
        Overflow::Saturate => Some(if sum > i128::from(max) { max } else { min }),
        Overflow::Wrap => {
            let modulus = 1i128 << width.bits;
            let low = sum.rem_euclid(modulus);
            Some(if low > i128::from(max) { (low - modulus) as i64 } else { low as i64 })
        }
    }
}

#[test]
fn sums_wrap_saturate_or_fail() {
    let mut random = fastrand::Rng::with_seed(4);
    let limits = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for signed in [false, true] {
        for bits in 1..=if signed { 64 } else { 63 } {
            let width = Width { signed, bits };
            let (min, max) = width.limits();
            for round in 0..60 {
                let value =
                    if round % 3 == 0 { random.choice([min, max]).unwrap() } else { random.i64(min..=max) };
                let small = random.i64(-300..300);
                let increment = random.choice(limits).unwrap();
                for increment in [small, increment, random.i64(..)] {
                    for overflow in [Overflow::Wrap, Overflow::Saturate, Overflow::Fail] {
                        let found = width.add(value, increment, overflow);
                        let expected = exact(width, value, increment, overflow);
                        assert_eq!(found, expected, "{width:?} {value} + {increment} {overflow:?}");
                    }
                }
            }
        }
    }
}
