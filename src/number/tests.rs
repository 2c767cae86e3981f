use super::*;

#[test]
fn integers_have_one_text() {
    for value in [0, 1, -1, 9, 10, 99, 100, 101, 12_345, i64::MAX, i64::MIN, i64::MIN + 1] {
        assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        assert_eq!(Decimal::new(value).as_bytes(), value.to_string().as_bytes());
    }
    for text in
        ["", "-", "+1", "01", "-0", "-01", "00", " 1", "1 ", "1a", "a", "1.0", "--1", "0x1", "/", ":", "1\0"]
    {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        assert_eq!(parse_u64(text.as_bytes()), None, "{text}");
    }
    for text in
        ["9223372036854775808", "-9223372036854775809", "99999999999999999999", "100000000000000000000"]
    {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse_u64(b"18446744073709551616"), None);
    assert_eq!(parse_u64(b"-1"), None);
    assert_eq!(Decimal::unsigned(u64::MAX).as_bytes(), b"18446744073709551615");
}

#[test]
fn random_integers_survive_printing_and_reading() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..100_000 {
        let value = random.i64(..) >> random.u32(..64);
        let mut text = Vec::new();
        write_i64(&mut text, value);
        assert_eq!(text, value.to_string().as_bytes());
        assert_eq!(parse_i64(&text), Some(value));
    }
}

#[test]
fn doubles_are_read_as_redis_reads_scores() {
    // Each was tried with ZADD on Redis 7.0.15.
    let table = [
        ("inf", f64::INFINITY),
        ("+inf", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("INF", f64::INFINITY),
        ("0x1p3", 8.0),
        ("0X1P+3", 8.0),
        ("0x10", 16.0),
        ("0x.8", 0.5),
        ("-0x1.8p1", -3.0),
        ("+5", 5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("1E5", 1e5),
        ("0e5", 0.0),
        ("0e999999999999", 0.0),
        ("1e-320", 1e-320),
        ("0x1p-1074", 5e-324),
        ("0x1.8p-1075", 5e-324),
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000080000000000000000000001p0", 1.0 + f64::EPSILON),
        ("0x1.fffffffffffffp1023", f64::MAX),
        ("0.1", 0.1),
    ];
    for (text, value) in table {
        assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
    }
    for text in [
        "",
        " 1",
        "1 ",
        "\t1",
        "1\0",
        "nan",
        "NaN",
        "-nan",
        "nan(1)",
        "infinit",
        "0x",
        "0x1p",
        "0x.",
        "1e400",
        "-1e400",
        "1e-400",
        ".",
        "1e",
        "1e+",
        "1_0",
        "+-1",
        "0x1p1024",
        "0x1p-1075",
        "0x1.fffffffffffff8p1023",
        "e5",
        "１",
        "1,5",
        "1f",
        "--1",
    ] {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn doubles_are_printed_short() {
    let table = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (3.0e3, "3000"),
        (1e17, "100000000000000000"),
        (4611686018427387904.0, "4611686018427387904"),
        (9007199254740993.0, "9007199254740992"),
        (9.3e18, "9.3e+18"),
        (1e19, "1e+19"),
        (1.2345e20, "1.2345e+20"),
        (1.2345678901234568e20, "123456789012345680000"),
        (1e-5, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (1.234e-5, "1.234e-5"),
        (123.456, "123.456"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ];
    for (value, expected) in table {
        let mut text = Vec::new();
        write_f64(&mut text, value);
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}

#[test]
fn printed_doubles_read_as_themselves() {
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..100_000 {
        let value = f64::from_bits(random.u64(..));
        let mut text = Vec::new();
        write_f64(&mut text, value);
        if value.is_nan() {
            assert_eq!(text, b"nan");
        } else {
            assert_eq!(parse_f64(&text).map(f64::to_bits), Some(value.to_bits()), "{value:e}");
        }
    }
}

#[test]
fn increments_have_the_digits_of_redis() {
    // Each was tried with INCRBYFLOAT on Redis 7.0.15.
    let table = [
        ("3.0e3", "200", "3200"),
        ("0.1", "0.2", "0.3"),
        ("10.50", "0.1", "10.6"),
        ("1.23", "0.0000000000000000001", "1.23"),
        ("5.0e3", "2.0e2", "5200"),
        ("0", "1e-17", "0.00000000000000001"),
        ("0", "-1e-18", "0"),
        ("1", "-1", "0"),
        ("-1.5", "0.5", "-1"),
        ("0x10", "0x.8", "16.5"),
        ("1e19", "1", "10000000000000000001"),
    ];
    for (current, increment, sum) in table {
        let found = incr_by_float(current.as_bytes(), increment.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), sum, "{current} + {increment}");
    }
    for text in ["", "a", "nan", " 1", "1 ", "1e5000", "1e-5000", "0x1p16384", "0x1p-16446"] {
        assert_eq!(incr_by_float(text.as_bytes(), b"1"), Err(FloatError::NotAFloat), "{text}");
        assert_eq!(incr_by_float(b"1", text.as_bytes()), Err(FloatError::NotAFloat), "{text}");
    }
    for (a, b) in [("inf", "1"), ("1", "-inf"), ("inf", "-inf"), ("1e4932", "1e4932")] {
        assert_eq!(incr_by_float(a.as_bytes(), b.as_bytes()), Err(FloatError::NanOrInfinity));
    }
    assert_eq!(incr_by_float("9".repeat(5120).as_bytes(), b"1"), Err(FloatError::NotAFloat));
}

#[test]
fn the_long_way_to_read_a_number_gives_the_same_as_the_short_one() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..20_000 {
        let digits = random.u64(1..) >> random.u32(..63) | 1;
        let exponent = random.i64(-18..=0);
        let short = LongDouble::parse(format!("{digits}e{exponent}").as_bytes());
        // 30 digits and more do not fit the short way; zeros before the last digits do not change the value, and an
        // addition of one unit far below the mantissa's last bit changes it by less than half of that bit.
        let mut number = Vec::from(digits.to_string());
        number.extend([b'0'; 30]);
        number.extend_from_slice(b"1");
        let long = LongDouble::parse(&[&number[..], format!("e{}", exponent - 31).as_bytes()].concat());
        assert_eq!(short, long, "{digits}e{exponent}");
    }
}

#[test]
fn the_number_that_a_text_begins_with_is_that_of_atoi() {
    for (text, value) in [("1_0", 1), (" \t-12x", -12), ("+7", 7), ("", 0), ("x1", 0), ("--1", 0), ("007", 7)]
    {
        assert_eq!(leading_i64(text.as_bytes()), value, "{text:?}");
    }
}
