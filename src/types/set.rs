//! Sets: small ones as one value, big ones member by member.
//!
//! The limits are a hash's, for the same reasons (see [`crate::types::hash`]): up to [`PACKED_MEMBERS`] members and
//! [`PACKED_BYTES`] bytes a set is one value in its key's Meta entry; a bigger one keeps its length there, and each
//! member is an entry of the Element family with an empty value. It does not move back.
//!
//! OBJECT ENCODING has a history in Redis: a set of integers that once had another member is no `intset` any more,
//! whatever it has now. So the name is kept beside the members ([`Form`]), and says nothing of how they are stored.

mod combine;
mod edit;
mod rdb;
mod read;
#[cfg(test)]
mod tests;
mod writer;

pub use combine::{merge, probe};
pub use edit::SetEdit;
pub use rdb::{from_rdb, to_rdb};
pub use read::Set;
pub use writer::SetWriter;

use super::elements::Elements;
use crate::commands::Settings;
use crate::encoding::meta::{Meta, Type};
use crate::encoding::packed_set::{self, Form};
use crate::engine::EngineError;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::number::parse_i64;

/// Most members of a packed set.
pub const PACKED_MEMBERS: usize = 128;
/// Most bytes of a packed set.
pub const PACKED_BYTES: usize = 4096;

/// What OBJECT ENCODING calls a set.
pub fn encoding(meta: &Meta<'_>) -> &'static str {
    let form = match meta.by_elements {
        true => packed_set::collection_form(meta.payload),
        false => packed_set::parse(meta.payload).map(|(form, _)| form),
    };
    form.unwrap_or(Form::Hashtable).name()
}

/// The form of a set that `hint` members, the first one `member`, are about to be added to. `form` is its own, if it
/// exists.
///
/// Redis goes by the number of arguments, though some of them may be the same.
fn form_for(form: Option<Form>, member: &[u8], hint: usize, settings: &Settings) -> Form {
    let form = form.unwrap_or(if parse_i64(member).is_some() && hint <= settings.set_max_intset_entries {
        Form::Intset
    } else {
        Form::Listpack
    });
    match form {
        Form::Intset if hint > settings.set_max_intset_entries => Form::Hashtable,
        Form::Listpack if hint > settings.set_max_listpack_entries => Form::Hashtable,
        form => form,
    }
}

/// The form of a set of `len` members after another one was added. `longest` tells how long the longest member of a
/// set of integers is.
fn form_with(
    form: Form,
    len: u64,
    member: &[u8],
    settings: &Settings,
    longest: impl FnOnce() -> usize,
) -> Form {
    let fits = |longest: usize| {
        len < settings.set_max_listpack_entries as u64 && longest <= settings.set_max_listpack_value
    };
    match form {
        Form::Intset if parse_i64(member).is_some() => {
            if len < settings.set_max_intset_entries as u64 {
                Form::Intset
            } else {
                Form::Hashtable
            }
        }
        Form::Intset if fits(member.len()) && fits(longest()) => Form::Listpack,
        Form::Listpack if fits(member.len()) => Form::Listpack,
        _ => Form::Hashtable,
    }
}

/// Where a member stands in a packed set: integers in their order, as Redis has them, others behind.
fn place_for<M: AsRef<[u8]>>(form: Form, members: &[M], member: &[u8]) -> usize {
    match (form, parse_i64(member)) {
        (Form::Intset, number @ Some(_)) => {
            members.partition_point(|other| parse_i64(other.as_ref()) < number)
        }
        _ => members.len(),
    }
}

/// Copies a set into the place of `target`, whatever that held. `expire_ms` is the copy's own expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some(meta) = source.typed(Type::Set)? else { return Ok(()) };
    let Some(head) = meta.collection() else {
        return txn.put(target, &Meta { expire_ms, ..meta });
    };
    let form = packed_set::collection_form(meta.payload).ok_or_else(corrupt)?;
    let copy = Elements::new(source, head).copy(txn, target, |_, _, _| {})?;
    let payload = packed_set::collection_payload(copy, form);
    txn.put(target, &Meta { expire_ms, payload: &payload, ..meta })
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("an entry of a set does not parse".into()))
}
