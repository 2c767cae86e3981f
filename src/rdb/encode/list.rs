//! Writing lists: as a quicklist, a sequence of nodes that are cut where Redis cuts them when elements are pushed
//! to the tail one by one.

use super::super::listpack::Builder;
use super::super::{kind, sink};
use super::LONGEST_LISTPACK;

const PLAIN: u64 = 1;
const PACKED: u64 = 2;

/// Sizes that -1 to -5 stand for, bytes.
const SIZES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// Whatever number of elements is allowed, a node of several elements is not larger.
const LARGEST_BY_COUNT: usize = 8192;
/// What Redis adds to an element's size before it compares.
const OVERHEAD: usize = 8;

/// Whether a node may take one more element of `length` bytes.
fn may_take(node: &Builder, length: usize, limit: i64) -> bool {
    let size = node.size() + length + OVERHEAD;
    match usize::try_from(limit) {
        Ok(most) => size <= LARGEST_BY_COUNT && node.count() < most,
        Err(_) => {
            let index = (-1i64).saturating_sub(limit) as usize;
            size <= SIZES[index.min(SIZES.len() - 1)]
        }
    }
}

/// Appends a list; returns its type.
pub(super) fn write(out: &mut Vec<u8>, elements: &[Vec<u8>], limit: i64) -> u8 {
    let (mut nodes, mut count) = (Vec::new(), 0u64);
    let mut node = Builder::default();
    let mut close = |node: &mut Builder, nodes: &mut Vec<u8>| {
        if node.count() > 0 {
            sink::length(nodes, PACKED);
            sink::string(nodes, &std::mem::take(node).finish());
            count += 1;
        }
    };
    let mut plain = 0;
    for element in elements {
        if element.len() >= LONGEST_LISTPACK {
            close(&mut node, &mut nodes);
            sink::length(&mut nodes, PLAIN);
            sink::string(&mut nodes, element);
            plain += 1;
            continue;
        }
        if node.count() > 0 && !may_take(&node, element.len(), limit) {
            close(&mut node, &mut nodes);
        }
        node.push(element);
    }
    close(&mut node, &mut nodes);
    sink::length(out, count + plain);
    out.extend_from_slice(&nodes);
    kind::LIST_QUICKLIST_2
}
