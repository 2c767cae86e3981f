//! Databases are views of namespaces: FLUSHDB gives a database a new namespace, SWAPDB exchanges two, and
//! neither touches a key. Keys of a namespace that no database shows are dropped in the background.

use crate::encoding::key::Namespace;
use crate::encoding::varint;

/// Which namespace each database shows. All partitions hold the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespaces {
    of_database: Vec<Namespace>,
    next: Namespace,
}

impl Namespaces {
    /// Databases 0 to `databases - 1`, each with the namespace of its own number.
    pub fn new(databases: usize) -> Namespaces {
        Namespaces { of_database: (0..databases as Namespace).collect(), next: databases as Namespace }
    }

    /// Databases 0 to `databases - 1`, with the namespaces from `first` on.
    pub fn from(first: Namespace, databases: usize) -> Namespaces {
        let next = first + databases as Namespace;
        Namespaces { of_database: (first..next).collect(), next }
    }

    /// Databases from 0 on that show these namespaces, which must all be different.
    pub fn showing(of_database: Vec<Namespace>) -> Namespaces {
        let next = of_database.iter().max().map_or(0, |last| last + 1);
        Namespaces { of_database, next }
    }

    /// The lowest namespace that no database has ever shown.
    pub fn next(&self) -> Namespace {
        self.next
    }

    /// Sees to it that namespaces below `next` are not given again.
    pub fn skip_to(&mut self, next: Namespace) {
        self.next = self.next.max(next);
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.of_database.len()
    }

    /// The namespace that a database shows.
    pub fn of(&self, database: usize) -> Namespace {
        self.of_database[database]
    }

    /// The database that shows a namespace; `None` if it is dead.
    pub fn database_of(&self, namespace: Namespace) -> Option<usize> {
        self.of_database.iter().position(|&other| other == namespace)
    }

    /// Empties a database. Returns the namespace that died.
    pub fn flush(&mut self, database: usize) -> Namespace {
        let old = std::mem::replace(&mut self.of_database[database], self.next);
        self.next += 1;
        old
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, first: usize, second: usize) {
        self.of_database.swap(first, second);
    }

    /// Makes room for more databases (a changed `databases` option). There never are fewer than were written.
    pub fn grow(&mut self, databases: usize) {
        while self.of_database.len() < databases {
            self.of_database.push(self.next);
            self.next += 1;
        }
    }

    /// As kept in the System family: next namespace, number of databases, their namespaces; all varints.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::write(&mut out, u64::from(self.next));
        varint::write(&mut out, self.of_database.len() as u64);
        self.of_database.iter().for_each(|&namespace| varint::write(&mut out, u64::from(namespace)));
        out
    }

    /// Reads what [`Namespaces::encode`] wrote.
    pub fn parse(mut bytes: &[u8]) -> Option<Namespaces> {
        let next = Namespace::try_from(varint::read(&mut bytes)?).ok()?;
        let databases = varint::read(&mut bytes)?;
        let of_database = (0..databases)
            .map(|_| varint::read(&mut bytes).and_then(|number| Namespace::try_from(number).ok()))
            .collect::<Option<Vec<_>>>()?;
        Some(Namespaces { of_database, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flushed_database_never_meets_its_old_namespace_again() {
        let mut namespaces = Namespaces::new(2);
        assert_eq!(namespaces.flush(0), 0);
        assert_eq!(namespaces.flush(0), 2);
        namespaces.swap(0, 1);
        assert_eq!((namespaces.of(0), namespaces.of(1)), (1, 3));
        assert_eq!(namespaces.database_of(0), None);
        assert_eq!(Namespaces::parse(&namespaces.encode()), Some(namespaces));
    }
}
