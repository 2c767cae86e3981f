//! provisional
use bytes::BytesMut;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Protocol {
    Resp2,
    Resp3,
}
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Reply {
    buffer: BytesMut,
    protocol: Protocol,
}
#[allow(missing_docs)]
impl Reply {
    pub fn new(protocol: Protocol) -> Reply {
        Reply { buffer: BytesMut::new(), protocol }
    }
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }
    pub fn len(&self) -> usize {
        self.buffer.len()
    }
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
    pub fn truncate(&mut self, len: usize) {
        self.buffer.truncate(len)
    }
    pub fn take(&mut self) -> BytesMut {
        self.buffer.split()
    }
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer
    }
    pub fn raw(&mut self, b: &[u8]) {
        self.buffer.extend_from_slice(b)
    }
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n")
    }
    pub fn null(&mut self) {
        self.raw(b"$-1\r\n")
    }
    pub fn bulk(&mut self, b: &[u8]) {
        let h = format!("${}\r\n", b.len());
        self.raw(h.as_bytes());
        self.raw(b);
        self.raw(b"\r\n")
    }
    pub fn error(&mut self, t: &str) {
        let h = format!("-{t}\r\n");
        self.raw(h.as_bytes())
    }
}
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Limits;
#[allow(missing_docs)]
impl Limits {
    pub fn internal() -> Limits {
        Limits
    }
}
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Parser;
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Batch {
    all: Vec<Vec<(u32, u32)>>,
}
#[allow(missing_docs)]
impl Batch {
    pub fn commands(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        self.all.iter().map(|v| &v[..])
    }
}
#[allow(missing_docs)]
impl Parser {
    pub fn parse(&mut self, b: &[u8], _: &Limits, _: usize, out: &mut Batch) -> Result<usize, String> {
        let mut at = 0;
        let line = |at: &mut usize| {
            let e = b[*at..].windows(2).position(|w| w == b"\r\n").unwrap() + *at;
            let s = std::str::from_utf8(&b[*at + 1..e]).unwrap().parse::<usize>().unwrap();
            *at = e + 2;
            s
        };
        while at < b.len() {
            let n = line(&mut at);
            let mut v = vec![];
            for _ in 0..n {
                let l = line(&mut at);
                v.push((at as u32, (at + l) as u32));
                at += l + 2;
            }
            out.all.push(v);
        }
        Ok(at)
    }
}
