//! From sums to the keys that differ.
//!
//! The keyspace is walked once, a few slots at a time, and each slot's sum compared. One that differs is cut into parts
//! by the order of its keys, again and again, until a part has so few keys that their names are asked for. A slot with
//! very many keys, or one that everything is in, costs no more memory than others.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::{Found, Key, Span, Sum, position_of};
use crate::keyspace::slot::SLOTS;

/// The most slots that are summed up at a time.
const MOST_SLOTS: u16 = 1024;
/// Into how many parts a span is cut whose sums differ.
const PARTS: u64 = 64;
/// With so many keys or fewer in a span, on both sides together, they are asked for by name.
const FEW: u64 = 512;
/// Slots that are summed up at the beginning.
const FIRST_SLOTS: u16 = 64;
/// How long an answer should take, in ms: more slots are asked for if it took less, fewer if it took more.
const AIMED_AT_MS: (u64, u64) = (100, 400);

/// What one side is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The sums of the parts of a span, and how many parts.
    Sums(Span, u64),
    /// The keys of a span.
    Names(Span),
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// One for each part.
    Sums(Vec<Sum>),
    /// Each key, in any order.
    Names(Vec<Found>),
}

/// One of two servers.
pub trait Side {
    /// Begins to work on a question.
    ///
    /// # Errors
    /// For the operator: the comparison ends with it.
    fn ask(&mut self, question: &Question) -> Result<(), String>;

    /// The answer to what it was asked last.
    ///
    /// # Errors
    /// As [`Side::ask`].
    fn answer(&mut self) -> Result<Answer, String>;
}

/// A key that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Which.
    pub key: Key,
    /// What is here; `None`: it is not.
    pub here: Option<u128>,
    /// What is there.
    pub there: Option<u128>,
}

/// What a comparison tells on its way.
pub trait Watcher {
    /// The time, in ms since any moment: for the size of questions.
    fn now_ms(&self) -> u64;

    /// The keyspace is compared up to this position; so many keys more were looked at here.
    ///
    /// # Errors
    /// To end it.
    fn compared(&mut self, to: u64, keys: u64) -> Result<(), String>;

    /// A key that differs.
    ///
    /// # Errors
    /// To end it.
    fn differs(&mut self, key: Differing) -> Result<(), String>;
}

fn both(here: &mut dyn Side, there: &mut dyn Side, question: Question) -> Result<(Answer, Answer), String> {
    // The other one works on it meanwhile.
    there.ask(&question)?;
    here.ask(&question)?;
    Ok((here.answer()?, there.answer()?))
}

/// Compares two sides.
///
/// # Errors
/// The sides', and those of `watcher`.
pub fn bisect(here: &mut dyn Side, there: &mut dyn Side, watcher: &mut dyn Watcher) -> Result<(), String> {
    let (mut slot, mut step) = (0, FIRST_SLOTS);
    while let Some(span) = Span::of_slots(slot, (slot + step).min(SLOTS)) {
        let began_ms = watcher.now_ms();
        let parts = u64::from((slot + step).min(SLOTS) - slot);
        let mut keys = 0;
        let mut spans: VecDeque<Span> = VecDeque::new();
        for (part, one, other) in compare(here, there, span, parts)? {
            keys += one.keys;
            if one != other {
                spans.push_back(part);
            }
        }
        let took_ms = watcher.now_ms().saturating_sub(began_ms);
        while let Some(span) = spans.pop_front() {
            narrow(here, there, span, &mut spans, watcher)?;
        }
        watcher.compared(span.to, keys)?;
        slot += parts as u16;
        step = match took_ms {
            fast if fast < AIMED_AT_MS.0 => (step * 2).min(MOST_SLOTS),
            slow if slow > AIMED_AT_MS.1 => (step / 2).max(1),
            _ => step,
        };
    }
    Ok(())
}

/// The sums of both sides, part by part.
fn compare(
    here: &mut dyn Side,
    there: &mut dyn Side,
    span: Span,
    parts: u64,
) -> Result<Vec<(Span, Sum, Sum)>, String> {
    let (Answer::Sums(one), Answer::Sums(other)) = both(here, there, Question::Sums(span, parts))? else {
        return Err("sums were asked for, and names came".into());
    };
    let parts = span.cut(parts);
    if one.len() != parts.len() || other.len() != parts.len() {
        return Err(format!("{} and {} sums came of {}", one.len(), other.len(), parts.len()));
    }
    Ok(parts.into_iter().zip(one).zip(other).map(|((part, one), other)| (part, one, other)).collect())
}

/// A span whose sums differ: finds the parts that do, or the keys. Parts go to the front: depth first, so that little
/// waits.
fn narrow(
    here: &mut dyn Side,
    there: &mut dyn Side,
    span: Span,
    spans: &mut VecDeque<Span>,
    watcher: &mut dyn Watcher,
) -> Result<(), String> {
    // The position cannot be cut further than one: keys of the same order hash.
    if span.length() > 1 {
        let compared = compare(here, there, span, PARTS)?;
        let keys: u64 = compared.iter().map(|(_, one, other)| one.keys + other.keys).sum();
        if keys > FEW {
            for (part, one, other) in compared.into_iter().rev() {
                if one != other {
                    spans.push_front(part);
                }
            }
            return Ok(());
        }
    }
    let (Answer::Names(mut one), Answer::Names(mut other)) = both(here, there, Question::Names(span))? else {
        return Err("names were asked for, and sums came".into());
    };
    let order = |found: &Found| (position_of(&found.key.name), found.key.clone());
    one.sort_by_cached_key(order);
    other.sort_by_cached_key(order);
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    loop {
        let next = match (one.peek(), other.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(here), Some(there)) => order(here).cmp(&order(there)),
        };
        let here = if next == Ordering::Greater { None } else { one.next() };
        let there = if next == Ordering::Less { None } else { other.next() };
        let hashes = (here.as_ref().map(|found| found.hash), there.as_ref().map(|found| found.hash));
        if hashes.0 != hashes.1
            && let Some(found) = here.or(there)
        {
            watcher.differs(Differing { key: found.key, here: hashes.0, there: hashes.1 })?;
        }
    }
}
