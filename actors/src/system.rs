//! What the operating system tells: memory, processor time, disks.

use std::fs;
use std::path::Path;

/// So many random hexadecimal digits.
pub fn random_hex(digits: usize) -> String {
    (0..digits).map(|_| char::from_digit(fastrand::u32(0..16), 16).unwrap_or('0')).collect()
}

/// Fills a buffer with bytes that nobody can guess, from the system.
pub fn fill_random(buffer: &mut [u8]) {
    let mut rest = buffer;
    while !rest.is_empty() {
        let filled = match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(filled) => filled,
            Err(rustix::io::Errno::INTR) => 0,
            // A password of anything else would be none.
            Err(error) => panic!("the system gives no random bytes: {error}"),
        };
        rest = &mut rest[filled..];
    }
}

/// Has the calling thread give way to others, by so much of `nice`. Where that is refused, it does not.
pub fn give_way(by: i32) {
    // On Linux it is about the thread, not the process.
    let _ = rustix::process::nice(by);
}

/// Bytes of memory that this process may use: its control group's limit, or the machine's memory.
pub fn memory_limit() -> u64 {
    let of_machine = meminfo("MemTotal:").unwrap_or(1 << 30);
    cgroup_limits().into_iter().fold(of_machine, u64::min)
}

fn cgroup_limits() -> Vec<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut paths =
        vec!["/sys/fs/cgroup/memory.max".to_string(), "/sys/fs/cgroup/memory/memory.limit_in_bytes".into()];
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        if controllers.is_empty() {
            paths.push(format!("/sys/fs/cgroup{path}/memory.max"));
        } else if controllers.split(',').any(|name| name == "memory") {
            paths.push(format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"));
        }
    }
    paths.iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok()).collect()
}

fn meminfo(field: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Resident bytes of this process.
pub fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// Processor seconds of this process and its children: user, system, children's user, children's system.
pub fn processor_seconds() -> [f64; 4] {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name, which may hold anything but the last parenthesis.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    [field(11) / ticks, field(12) / ticks, field(13) / ticks, field(14) / ticks]
}

/// Free and total bytes of the disk that holds a path.
pub fn disk(path: &Path) -> (u64, u64) {
    rustix::fs::statvfs(path).map_or((u64::MAX, u64::MAX), |disk| {
        (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize))
    })
}

/// `uname -srm`.
pub fn os() -> String {
    let name = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    format!("{} {} {}", text(name.sysname()), text(name.release()), text(name.machine()))
}

/// Lets the process open as many files as it may; more than its hard limit if it needs to have `wanted` and is allowed
/// to raise that. Returns how many.
pub fn raise_file_limit(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        // Refused to all but the privileged.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: Some(wanted) });
    }
    let limit = getrlimit(Resource::Nofile);
    // If it is refused, the old limit stands, and the number of clients follows it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Bytes of all files below a folder; hard links that are shared with others are not left out.
pub fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
