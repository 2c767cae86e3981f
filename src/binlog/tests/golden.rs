//! The bytes on disk. If this test fails, the format has changed: that needs a new version, and this file
//! kept.

use super::*;

const GOLDEN: &str = include_str!("../../../tests/fixtures/binlog-v1.hex");

fn hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(|chunk| line(chunk) + "\n").collect()
}

/// The bytes of one section of the fixture: the lines after `# name`.
fn section(name: &str) -> Vec<u8> {
    let mut lines = GOLDEN.lines().skip_while(|line| *line != format!("# {name}"));
    assert!(lines.next().is_some(), "no section {name}");
    let words = lines.take_while(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    words.map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
}

fn golden_records() -> Vec<Record> {
    let payloads = [
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n",
        "*5\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n$4\r\nPXAT\r\n$13\r\n1893456000000\r\n",
        "*1\r\n$8\r\nFLUSHALL\r\n",
    ];
    let slots = [(15_495, 15_495), (3_300, 3_300), (0, 16_383)];
    let mut offset = 1000;
    let mut records = Vec::new();
    for (index, (payload, (first_slot, last_slot))) in payloads.into_iter().zip(slots).enumerate() {
        let (database, clock_ms) = (index as u16, 1_700_000_000_123 + index as u64);
        let payload = Bytes::from_static(payload.as_bytes());
        records.push(Record { offset, clock_ms, database, first_slot, last_slot, payload });
        offset = records[index].end_offset();
    }
    records
}

fn golden_log() -> Simulated {
    let files = Simulated::new();
    let options = Options { segment_bytes: 250, epoch: 3, previous_crc: 0x0bad_cafe, ..options() };
    let mut writer = open(arc(&files), directory(), 1000, options).unwrap().writer;
    let records = golden_records();
    writer.append(&records[..1]).unwrap();
    writer.sync().unwrap();
    writer.append(&records[1..]).unwrap();
    writer.close().unwrap();
    files
}

#[test]
fn bytes_are_as_ever() {
    let files = golden_log();
    let names = files.list(directory()).unwrap();
    let found: String =
        names.iter().map(|name| format!("# {name}\n{}", hex(&content(&files, name)))).collect();
    assert_eq!(names.len(), 3);
    assert!(found == GOLDEN, "the bytes are now:\n{found}");
}

#[test]
fn golden_bytes_are_read() {
    let files = Simulated::new();
    for name in golden_log().list(directory()).unwrap() {
        files.create(&path(&name)).unwrap().write_at(&section(&name), 0).unwrap();
    }
    let options = Options { verify_sealed: true, ..options() };
    let recovered = open(arc(&files), directory(), 1027, options).unwrap();
    assert_eq!((recovered.cut_bytes, recovered.oldest_offset, recovered.segments), (0, 1000, 2));
    assert_eq!(recovered.writer.position().epoch, 3);
    assert_eq!(read_all(&files, 1000, recovered.end_offset).unwrap(), golden_records());
}

/// The offsets of the fields as docs/formats/binlog.md has them, from the bytes themselves.
#[test]
fn fields_are_where_the_tables_say() {
    let segment = section("binlog-00000000000000001000");
    assert_eq!(&segment[0..8], b"PIKABLOG");
    assert_eq!(segment[8..16], [1, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(segment[16..24], 1000u64.to_le_bytes());
    assert_eq!(segment[24..32], 1_700_000_000_000u64.to_le_bytes());
    assert_eq!((&segment[32..40], &segment[40..48]), (&[0xff; 8][..], &[0; 8][..]));
    assert_eq!(segment[48..52], 0x0bad_cafe_u32.to_le_bytes());
    assert_eq!(segment[52..60], options().salt.to_le_bytes());
    assert_eq!(segment[60..64], crc32c::crc32c(&segment[..60]).to_le_bytes());
    let record = &segment[64..];
    let salted = [&options().salt.to_le_bytes()[..], &record[4..52]].concat();
    assert_eq!(record[0..4], crc32c::crc32c(&salted).to_le_bytes());
    assert_eq!(record[4..12], 1000u64.to_le_bytes());
    assert_eq!(record[12..16], crc32c::crc32c(&record[16..52 + 27]).to_le_bytes());
    assert_eq!(record[16..20], 0x0bad_cafe_u32.to_le_bytes());
    assert_eq!(record[20..24], 27u32.to_le_bytes());
    assert_eq!(record[24..32], 1000u64.to_le_bytes());
    assert_eq!(record[32..40], 1_700_000_000_123u64.to_le_bytes());
    assert_eq!(record[40..44], 3u32.to_le_bytes());
    assert_eq!((&record[44..46], &record[50..52]), (&[0; 2][..], &[0; 2][..]));
    assert_eq!(
        (&record[46..48], &record[48..50]),
        (&15_495u16.to_le_bytes()[..], &15_495u16.to_le_bytes()[..])
    );
    let next = section("binlog-00000000000000001027");
    assert_eq!((&next[32..40], &next[40..48]), (&1000u64.to_le_bytes()[..], &143u64.to_le_bytes()[..]));
    assert_eq!(next[48..52], record[12..16]);
    let next = &next[64..];
    assert_eq!(next[4..12], 1027u64.to_le_bytes(), "the first record was synced when the second was written");
    assert_eq!(next[16..20], record[12..16]);
}

#[test]
fn other_versions_are_refused_with_both_numbers() {
    for name in ["binlog-00000000000000001000", mark::NAME] {
        let files = golden_log().copy();
        let mut bytes = content(&files, name);
        bytes[8] = 9;
        if name == mark::NAME {
            // A mark is only believed with its checksum.
            let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..]);
            bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        }
        set_content(&files, name, &bytes);
        let error = open_at(&files, 1000).unwrap_err();
        assert!(matches!(error, Error::UnknownVersion { found: 9, supported: 1, .. }));
        assert!(error.to_string().ends_with("has format version 9, this Pika reads version 1"), "{error}");
    }
}
