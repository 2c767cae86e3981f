//! An open-loop latency probe: GETs at a constant rate over a few connections, whatever the server does.
//!
//!     probe --port 9221 [--host 127.0.0.1] [--rate 2000] [--connections 20] [--seconds 10] [--keys 1000000]
//!
//! Latency counts from the moment a request was due, not from when it could be sent; so a stall of the server is
//! felt by every request that was due meanwhile, as it would be by users ("coordinated omission" is avoided).
//! Each connection has a thread that sends on schedule, and one that reads; neither waits for the other.
//! Std only: it compiles by itself with `rustc -O --edition 2024 benches/probe.rs`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

struct Options {
    host: String,
    port: u16,
    rate: u64,
    connections: u64,
    seconds: u64,
    keys: u64,
}

const USAGE: &str =
    "usage: probe --port N [--host H] [--rate PER_SECOND] [--connections N] [--seconds N] [--keys N]";

fn options() -> Result<Options, String> {
    let mut options = Options {
        host: "127.0.0.1".into(),
        port: 9221,
        rate: 2000,
        connections: 20,
        seconds: 10,
        keys: 1_000_000,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--bench" {
            continue; // cargo bench adds it
        }
        let value = arguments.next().ok_or(USAGE)?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name} {value}: not a number\n{USAGE}"));
        match name.as_str() {
            "--host" => options.host = value,
            "--port" => options.port = value.parse().map_err(|_| format!("--port {value}: not a port"))?,
            "--rate" => options.rate = number()?.max(1),
            "--connections" => options.connections = number()?.max(1),
            "--seconds" => options.seconds = number()?.max(1),
            "--keys" => options.keys = number()?.max(1),
            _ => return Err(format!("{name}: no such option\n{USAGE}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().and_then(|options| probe(&options).map_err(|error| error.to_string())) {
        Ok(latencies) => {
            print(latencies);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all connections, and returns every request's latency.
fn probe(options: &Options) -> io::Result<Vec<Duration>> {
    let per_connection = (options.rate * options.seconds / options.connections).max(1);
    let interval = Duration::from_nanos(1_000_000_000 * options.connections / options.rate);
    // In the future, so that every thread is there when the first request is due.
    let start = Instant::now() + Duration::from_millis(100);
    let mut readers = Vec::new();
    let mut senders = Vec::new();
    for number in 0..options.connections {
        let stream = TcpStream::connect((options.host.as_str(), options.port))?;
        stream.set_nodelay(true)?;
        // A server that answers nothing for so long is an error, not a latency.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let reading = stream.try_clone()?;
        let (due, dues) = mpsc::channel();
        readers.push(thread::spawn(move || read_replies(reading, dues)));
        let mut sender = Sender {
            stream,
            random: 0x9e37_79b9_7f4a_7c15 ^ (number + 1),
            keys: options.keys,
            // Connections take turns, so that the server sees an even stream.
            next: start + interval * number as u32 / options.connections as u32,
            interval,
        };
        senders.push(thread::spawn(move || sender.run(per_connection, &due)));
    }
    for sender in senders {
        sender.join().expect("a sender does not panic")?;
    }
    let mut latencies = Vec::new();
    for reader in readers {
        latencies.extend(reader.join().expect("a reader does not panic")?);
    }
    Ok(latencies)
}

struct Sender {
    stream: TcpStream,
    random: u64,
    keys: u64,
    next: Instant,
    interval: Duration,
}

impl Sender {
    fn run(&mut self, count: u64, due: &mpsc::Sender<Instant>) -> io::Result<()> {
        let mut request = Vec::new();
        for _ in 0..count {
            if let Some(wait) = self.next.checked_duration_since(Instant::now()) {
                thread::sleep(wait);
            }
            // xorshift64: cheap, and the same keys in each run.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            request.clear();
            write!(request, "*2\r\n$3\r\nGET\r\n$16\r\nkey:{:012}\r\n", self.random % self.keys)?;
            if due.send(self.next).is_err() {
                return Ok(()); // the reader has an error to report
            }
            self.stream.write_all(&request)?;
            self.next += self.interval;
        }
        Ok(())
    }
}

/// Reads one reply for each request sent, until the sender is done.
fn read_replies(stream: TcpStream, dues: mpsc::Receiver<Instant>) -> io::Result<Vec<Duration>> {
    let mut stream = BufReader::new(stream);
    let mut latencies = Vec::new();
    let mut line = String::new();
    let mut body = Vec::new();
    for due in dues {
        line.clear();
        stream.read_line(&mut line)?;
        let length = line
            .strip_prefix('$')
            .and_then(|rest| rest.trim_end().parse::<i64>().ok())
            .ok_or_else(|| io::Error::other(format!("not the reply of a GET: {line:?}")))?;
        if length >= 0 {
            body.resize(length as usize + 2, 0);
            stream.read_exact(&mut body)?;
        }
        latencies.push(due.elapsed());
    }
    Ok(latencies)
}

fn print(mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = (latencies.len() as f64 * share).ceil() as usize;
        latencies[index.clamp(1, latencies.len()) - 1].as_secs_f64() * 1e3
    };
    println!(
        "requests {}  p50 {:.3} ms  p99 {:.3} ms  p99.9 {:.3} ms  max {:.3} ms",
        latencies.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
