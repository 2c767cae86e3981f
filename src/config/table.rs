//! The one table of options. Everything that knows an option's name, default or range takes it from here.

use super::key::Id;
use super::options;
use super::row::Row;

const GROUPS: &[&[Row]] = &[
    options::network::ROWS,
    options::clients::ROWS,
    options::security::ROWS,
    options::tls::ROWS,
    options::memory::ROWS,
    options::storage::ROWS,
    options::binlog::ROWS,
    options::replication::ROWS,
    options::data_types::ROWS,
    options::monitoring::ROWS,
    options::process::ROWS,
    options::redis_compat::ROWS,
    options::redis_tls_cluster::ROWS,
];

const COUNT: usize = {
    let mut count = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

pub(super) const ROWS: &[Row; COUNT] = &{
    let mut rows = [GROUPS[0][0]; COUNT];
    let (mut group, mut row, mut next) = (0, 0, 0);
    while group < GROUPS.len() {
        while row < GROUPS[group].len() {
            rows[next] = GROUPS[group][row];
            row += 1;
            next += 1;
        }
        row = 0;
        group += 1;
    }
    rows
};

/// Every option, grouped by section.
pub static TABLE: &[Row] = ROWS;

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) id: Id,
    /// The name, as the table spells it.
    pub(super) name: &'static str,
    /// What numbers under this name are multiplied by.
    pub(super) factor: i64,
    /// Whether patterns of CONFIG GET match it.
    pub(super) listed: bool,
}

/// Every name of every option: first its own, then its aliases.
pub(super) fn names() -> impl Iterator<Item = Named> {
    Id::all().flat_map(|id| {
        let row = id.row();
        let own = Named { id, name: row.name, factor: 1, listed: !row.hidden };
        let aliases = row.aliases.iter().map(move |alias| Named {
            id,
            name: alias.name,
            factor: alias.factor,
            listed: alias.listed && !row.hidden,
        });
        std::iter::once(own).chain(aliases)
    })
}

/// Finds an option by any of its names, in any case.
pub(super) fn find(name: &str) -> Option<Named> {
    names().find(|named| named.name.eq_ignore_ascii_case(name))
}
