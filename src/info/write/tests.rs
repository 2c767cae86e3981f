use super::*;
use crate::info::{DatabaseNumbers, Statistics};
use crate::server::stand_in::StandIn;

fn numbers() -> Numbers {
    let mut commands = Statistics::default();
    let get = table::find_full(b"config|get").expect("there is CONFIG GET");
    commands.ran(get.id, 11_000, false, true);
    commands.rejected(get.id);
    commands.error(b"-WRONGTYPE x\r\n");
    let mut database = DatabaseNumbers::default();
    database.counts.by_type[Type::Hash as usize] = 2;
    database.counts.with_expiry = 1;
    Numbers {
        commands,
        keyspace: vec![(0, database), (3, DatabaseNumbers::default())],
        rocksdb: vec![("num_snapshots".into(), "0".into()), ("stats".into(), "a\r\nb".into())],
        ..Numbers::default()
    }
}

#[test]
fn every_line_is_a_field_and_its_value() {
    let mut wanted = Sections::all();
    wanted.by_type = true;
    let text = write(&StandIn::default(), &numbers(), &wanted, 1_700_000_000_123_456);
    let mut names = std::collections::BTreeSet::new();
    for line in text.strip_suffix("\r\n").expect("the last line ends").split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "{line:?}");
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        let (name, _) = line.split_once(':').unwrap_or_else(|| panic!("{line:?} is no field"));
        assert!(names.insert(name.to_string()), "{name} stands there twice");
    }
    for line in [
        "redis_version:7.2.0",
        "server_time_usec:1700000000123456",
        "cmdstat_config|get:calls=1,usec=11,usec_per_call=11.00,rejected_calls=1,failed_calls=0",
        "latency_percentiles_usec_config|get:p50=11.007,p99=11.007,p99.9=11.007",
        "errorstat_WRONGTYPE:count=1",
        "db0:keys=2,expires=1,avg_ttl=0",
        "db0_types:string=0,hash=2,list=0,set=0,zset=0,stream=0",
        "used_memory_human:0B",
        "cluster_enabled:0",
        "total_error_replies:1",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("db3"));
}

#[test]
fn sections_stand_apart() {
    let wanted = Sections::parse([&b"cluster"[..], b"modules"]);
    let text = write(&StandIn::default(), &numbers(), &wanted, 0);
    assert_eq!(text, "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n");
}

#[test]
fn bytes_for_people() {
    for (bytes, text) in [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.00K"),
        (1536, "1.50K"),
        (1 << 20, "1.00M"),
        (25_274_793_984, "23.54G"),
        (u64::MAX, "16.00E"),
    ] {
        assert_eq!(human(bytes), text);
    }
}
