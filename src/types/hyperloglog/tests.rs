//! Fixed bytes as Redis 7.0 makes them, and forms that agree with each other.

use super::*;

const NO_LIMIT: usize = usize::MAX;

fn of(elements: impl Iterator<Item = String>, sparse_max: usize) -> Vec<u8> {
    let mut value = empty();
    for element in elements {
        add(&mut value, element.as_bytes(), sparse_max).unwrap();
    }
    value
}

fn registers(value: &[u8]) -> Registers {
    let mut registers = [0; REGISTERS];
    join(&mut registers, value).unwrap();
    registers
}

#[test]
fn an_empty_one_is_one_run() {
    assert_eq!(empty(), *b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert_eq!((form(&empty()), count(&empty()), cached(&empty())), (Some(Form::Sparse), Ok(0), Some(0)));
}

#[test]
fn bytes_are_those_of_redis() {
    let text = "the quick brown fox jumps";
    // Elements of every length from 0 to 25 bytes.
    let mut value = of((0..=text.len()).map(|length| text[..length].to_string()), 3000);
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "48594c4c010000000000000000000080413f8043098040868046818443c08842f28c41c08040548c430c8442328041b28840888440af\
         8444638046b18045af8042918845c680405f8c40da8841158440638c43a9802180411584409a80424b"
    );
    cache(&mut value, 0x0102_0304);
    assert_eq!(value[8..16], [4, 3, 2, 1, 0, 0, 0, 0]);
    assert_eq!(cached(&value), Some(0x0102_0304));
    outdate(&mut value);
    assert_eq!((value[15], cached(&value)), (0x80, None));
}

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn many_elements_give_the_bytes_and_estimates_of_redis() {
    // What redis-server 7.0.15 answers to PFADD of e0, e1, …, GET, and PFCOUNT.
    for (elements, bytes, expected, estimate) in [
        (100, 285, 0xb8de_76da_b4a4_065e, 100),
        (1000, 1906, 0x5935_de02_3280_6824, 1008),
        (5000, 12304, 0x8052_4675_3a1c_dada, 4968),
        (100_000, 12304, 0xafbf_1713_dc5b_a3c8, 100_853),
    ] {
        let value = of((0..elements).map(|n| format!("e{n}")), 3000);
        assert_eq!(
            (value.len(), digest(&value), count(&value)),
            (bytes, expected, Ok(estimate)),
            "{elements}"
        );
    }
}

#[test]
fn every_register_of_both_forms_reads_back() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..20 {
        let (mut sparse, mut dense) = (empty(), empty());
        make_dense(&mut dense).unwrap();
        let mut expected = [0; REGISTERS];
        for _ in 0..random.usize(0..2000) {
            // Neighbours often, so that runs of equal numbers are made and taken apart.
            let index = if random.bool() { random.usize(0..REGISTERS) } else { random.usize(100..140) };
            let most = if random.bool() { 3 } else { sparse::GREATEST };
            let number = random.u8(1..=most);
            let raised = expected[index] < number;
            expected[index] = expected[index].max(number);
            assert_eq!(raise(&mut sparse, index, number, NO_LIMIT), Ok(raised));
            assert_eq!(raise(&mut dense, index, number, NO_LIMIT), Ok(raised));
        }
        assert_eq!((form(&sparse), form(&dense)), (Some(Form::Sparse), Some(Form::Dense)));
        assert!(registers(&sparse) == expected && registers(&dense) == expected);
        assert_eq!(count(&sparse), count(&dense));
        assert_eq!(count(&dense), Ok(count_joined(&expected)));
        make_dense(&mut sparse).unwrap();
        assert_eq!(sparse[HEADER..], dense[HEADER..]);
    }
}

#[test]
fn a_number_too_great_for_a_run_makes_it_dense() {
    let mut value = empty();
    assert_eq!(raise(&mut value, 7, sparse::GREATEST, NO_LIMIT), Ok(true));
    assert_eq!(form(&value), Some(Form::Sparse));
    assert_eq!(raise(&mut value, 8, sparse::GREATEST + 1, NO_LIMIT), Ok(true));
    assert_eq!(form(&value), Some(Form::Dense));
    assert_eq!((registers(&value)[7], registers(&value)[8]), (32, 33));
}

#[test]
fn the_limit_counts_the_header() {
    // A register in the middle takes 2 + 1 + 2 bytes in place of 2.
    for (limit, expected) in [(20, Form::Dense), (21, Form::Sparse)] {
        let mut value = empty();
        raise(&mut value, 5000, 1, limit).unwrap();
        assert_eq!(form(&value), Some(expected), "{limit}");
    }
}

#[test]
fn what_does_not_add_up_is_corrupt() {
    let whole = of((0..50).map(|n| n.to_string()), NO_LIMIT);
    let mut longer = whole.clone();
    longer.push(0x80);
    assert_eq!(count(&longer), Err(Corrupt));
    assert_eq!(make_dense(&mut longer), Err(Corrupt));
    assert_eq!(count(&whole[..whole.len() - 1]), Err(Corrupt));
    let mut nothing = whole[..HEADER].to_vec();
    assert_eq!(add(&mut nothing, b"a", NO_LIMIT), Err(Corrupt));
    for bytes in [&b"HYLL"[..], b"HYLL\x01\0\0\0\0\0\0\0\0\0\0", b"HYLX\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"] {
        assert_eq!(form(bytes), None);
    }
    let mut dense = empty();
    make_dense(&mut dense).unwrap();
    assert_eq!(form(&dense[..dense.len() - 1]), None);
    dense[4] = 2;
    assert_eq!(form(&dense), None);
}

#[test]
fn made_up_bytes_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(6);
    for _ in 0..3000 {
        let mut value = of((0..random.u32(0..60)).map(|n| n.to_string()), NO_LIMIT);
        for _ in 0..random.usize(1..4) {
            let index = random.usize(HEADER..value.len());
            value[index] = random.u8(..);
        }
        value.truncate(value.len() - random.usize(0..2));
        let before = value.clone();
        for element in 0..20 {
            let _ = add(&mut value, &[element], random.usize(0..400));
        }
        let _ = (count(&value), count(&before));
        let _ = join(&mut [0; REGISTERS], &value);
    }
}

#[test]
fn estimates_are_within_a_few_standard_errors() {
    for elements in [1u32, 2, 10, 100, 1000, 10_000, 100_000] {
        let value = of((0..elements).map(|n| format!("e{n}")), 3000);
        let estimate = count(&value).unwrap() as f64;
        let error = (estimate - f64::from(elements)).abs() / f64::from(elements);
        assert!(error < 4.0 * 0.0081, "{elements}: {estimate}");
    }
}
