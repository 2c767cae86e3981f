//! RocksDB behind [`Engine`]: one instance for all partitions, a column family per [`Family`].
//!
//! * Its own write-ahead log is off: the binlog is the log. All families flush together (`atomic_flush`), so
//!   that the positions in System are never apart from the data.
//! * It never flushes by itself before [`RocksEngine::options`]' limit; the write-behind thread asks it to, after
//!   the binlog was synced as far as the memtables reach. So no file on disk is ahead of the log on disk.
//! * Every limit is set on purpose, from [`RocksOptions`]: index and filter blocks live in the one cache.

use std::collections::HashSet;
use std::ffi::CStr;
use std::path::Path;
use std::sync::{Arc, RwLock};

use rocksdb::compaction_filter::{CompactionFilter, Decision};
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily,
    ColumnFamilyDescriptor, CompactOptions, DB, DBCompressionType, DBRawIteratorWithThreadMode, ErrorKind,
    FlushOptions, IngestExternalFileOptions, Options, ReadOptions, ReadTier, SnapshotWithThreadMode,
    SstFileWriter, WriteBatch, WriteOptions,
};

use super::*;
use crate::encoding::key::Namespace;

/// RocksDB's limits. All sizes in bytes.
#[derive(Debug, Clone)]
pub struct RocksOptions {
    /// The one block cache: data, index and filter blocks.
    pub cache_bytes: usize,
    /// Memtables of all families together are flushed at this size.
    pub write_buffer_bytes: usize,
    /// About the largest batch that is written at once.
    pub batch_bytes: usize,
    /// Files kept open; each costs a descriptor and some memory.
    pub max_open_files: i32,
    /// Threads for flushes and compactions.
    pub background_jobs: i32,
    /// Bytes a second for flushes and compactions; 0 is without limit.
    pub rate_limit: u64,
    /// `none`, `lz4` or `zstd`.
    pub compression: String,
    /// Uncompressed size of a data block.
    pub block_bytes: usize,
    /// Size of a file in level 1.
    pub file_bytes: u64,
}

impl Default for RocksOptions {
    fn default() -> RocksOptions {
        RocksOptions {
            cache_bytes: 64 << 20,
            write_buffer_bytes: 64 << 20,
            batch_bytes: 16 << 20,
            max_open_files: 1024,
            background_jobs: 2,
            rate_limit: 0,
            compression: "lz4".into(),
            block_bytes: 4096,
            file_bytes: 64 << 20,
        }
    }
}

/// Namespaces whose keys compaction drops. Shared with the filters.
type Dead = Arc<RwLock<HashSet<Namespace>>>;

/// See the module's documentation. Cloning shares the store.
#[derive(Clone)]
pub struct RocksEngine {
    db: Arc<DB>,
    options: RocksOptions,
    dead: Dead,
    cache: Cache,
}

impl std::fmt::Debug for RocksEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksEngine").field("path", &self.db.path()).finish()
    }
}

fn failed(error: rocksdb::Error) -> EngineError {
    EngineError(format!("RocksDB: {error}"))
}

fn read_failed(error: rocksdb::Error) -> ReadError {
    match error.kind() {
        ErrorKind::Incomplete => ReadError::NotInMemory,
        _ => ReadError::Engine(failed(error)),
    }
}

impl RocksEngine {
    /// Opens the store in `folder`, which is made if it is not there.
    pub fn open(folder: &Path, options: RocksOptions) -> Result<RocksEngine, EngineError> {
        let cache = Cache::new_hyper_clock_cache(options.cache_bytes, 0);
        let dead = Dead::default();
        let db_options = database_options(&options);
        let descriptors = std::iter::once(ColumnFamilyDescriptor::new("default", Options::default())).chain(
            Family::ALL.iter().map(|&family| {
                ColumnFamilyDescriptor::new(family.name(), family_options(family, &options, &cache, &dead))
            }),
        );
        let db = DB::open_cf_descriptors(&db_options, folder, descriptors).map_err(failed)?;
        Ok(RocksEngine { db: Arc::new(db), options, dead, cache })
    }

    /// Opens a store that nobody writes, to read it. `options` says how much memory it may take.
    ///
    /// # Errors
    /// It is damaged, or not there.
    pub fn open_read_only(folder: &Path, options: RocksOptions) -> Result<RocksEngine, EngineError> {
        let cache = Cache::new_hyper_clock_cache(options.cache_bytes, 0);
        let dead = Dead::default();
        let descriptors = Family::ALL.iter().map(|&family| {
            ColumnFamilyDescriptor::new(family.name(), family_options(family, &options, &cache, &dead))
        });
        let mut db_options = Options::default();
        db_options.set_max_open_files(options.max_open_files);
        let default = std::iter::once(ColumnFamilyDescriptor::new("default", Options::default()));
        let db = DB::open_cf_descriptors_read_only(&db_options, folder, default.chain(descriptors), false)
            .map_err(failed)?;
        Ok(RocksEngine { db: Arc::new(db), options, dead, cache })
    }

    /// Writes sorted entries of a family as tables into `folder`, to be taken in by [`RocksEngine::ingest`]. `fill` is
    /// given a function that it calls with each key and value, in the order of keys. Returns the tables' paths.
    ///
    /// # Errors
    /// Those of the disk, and of `fill`.
    pub fn write_tables(
        &self,
        family: Family,
        folder: &Path,
        fill: impl FnOnce(&mut PutEntry<'_>) -> Result<(), EngineError>,
    ) -> Result<Vec<std::path::PathBuf>, EngineError> {
        let options = family_options(family, &self.options, &self.cache, &self.dead);
        let mut writer: Option<SstFileWriter<'_>> = None;
        let mut paths = Vec::new();
        fill(&mut |key, value| {
            let mut table = match writer.take() {
                Some(table) => table,
                None => {
                    let table = SstFileWriter::create(&options);
                    let path = folder.join(format!("{}-{:06}.sst", family.name(), paths.len()));
                    table.open(&path).map_err(failed)?;
                    paths.push(path);
                    table
                }
            };
            table.put(key, value).map_err(failed)?;
            match table.file_size() >= self.options.file_bytes {
                true => table.finish().map_err(failed)?,
                false => writer = Some(table),
            }
            Ok(())
        })?;
        if let Some(mut table) = writer {
            table.finish().map_err(failed)?;
        }
        Ok(paths)
    }

    /// Takes in tables that [`RocksEngine::write_tables`] wrote, all together; their files become the store's. Only on
    /// the thread that writes the store, when nothing is in its memory: else it would be put on disk, log or not.
    ///
    /// # Errors
    /// The store's.
    pub fn ingest(&self, family: Family, tables: Vec<std::path::PathBuf>) -> Result<(), EngineError> {
        if tables.is_empty() {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db.ingest_external_file_cf_opts(self.family(family), &options, tables).map_err(failed)
    }

    /// The limits that it was opened with.
    pub fn options(&self) -> &RocksOptions {
        &self.options
    }

    /// Bytes in the block cache, and how many of them are pinned.
    pub fn cache_usage(&self) -> (usize, usize) {
        (self.cache.get_usage(), self.cache.get_pinned_usage())
    }

    /// Lets compaction drop the keys of these namespaces, and of no other.
    pub fn set_dead_namespaces(&self, namespaces: impl IntoIterator<Item = Namespace>) {
        let mut dead = self.dead.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *dead = namespaces.into_iter().collect();
    }

    /// Changes a RocksDB option at run time, in all families.
    pub fn set_option(&self, name: &str, value: &str) -> Result<(), EngineError> {
        Family::ALL.iter().try_for_each(|&family| {
            self.db.set_options_cf(self.family(family), &[(name, value)]).map_err(failed)
        })
    }

    /// A property of RocksDB as text, of one family.
    pub fn property_text(&self, family: Family, name: &str) -> Option<String> {
        self.db.property_value_cf(self.family(family), name).ok().flatten()
    }

    fn family(&self, family: Family) -> &ColumnFamily {
        handle(&self.db, family)
    }
}

fn handle(db: &DB, family: Family) -> &ColumnFamily {
    db.cf_handle(family.name()).expect("all families were opened")
}

fn database_options(options: &RocksOptions) -> Options {
    let mut db = Options::default();
    db.create_if_missing(true);
    db.create_missing_column_families(true);
    db.set_atomic_flush(true);
    db.set_max_open_files(options.max_open_files);
    db.set_max_background_jobs(options.background_jobs);
    db.set_max_subcompactions(1);
    db.set_bytes_per_sync(1 << 20);
    db.set_keep_log_file_num(4);
    db.set_max_log_file_size(16 << 20);
    db.set_stats_dump_period_sec(0);
    db.set_skip_stats_update_on_db_open(true);
    // One writer thread: the machinery for several only costs.
    db.set_allow_concurrent_memtable_write(false);
    db.set_enable_write_thread_adaptive_yield(false);
    // Compactions give way to those that serve (nice 10). Flushes do not: the writer waits for them.
    if let Ok(mut env) = rocksdb::Env::new() {
        env.lower_thread_pool_cpu_priority();
        db.set_env(&env);
    }
    if options.rate_limit > 0 {
        db.set_ratelimiter(i64::try_from(options.rate_limit).unwrap_or(i64::MAX), 100_000, 10);
    }
    db
}

fn family_options(family: Family, options: &RocksOptions, cache: &Cache, dead: &Dead) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(options.block_bytes);
    table.set_format_version(6);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_metadata_block_size(4096);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_optimize_filters_for_memory(true);
    if family != Family::Expiry {
        // A key that is not there costs a read from disk for each false positive, and its command waits for it: 14 bits
        // a key make that one in a thousand and file.
        table.set_bloom_filter(14.0, false);
    }
    let mut cf = Options::default();
    cf.set_block_based_table_factory(&table);
    if family != Family::Expiry {
        // Most look-ups that reach the engine are for keys that no memtable has: without a filter each costs a
        // descent of every memtable's skip list.
        cf.set_memtable_prefix_bloom_ratio(0.02);
        cf.set_memtable_whole_key_filtering(true);
    }
    // More than the write-behind thread flushes at, and a batch: reached only if it was not asked to for a while.
    cf.set_write_buffer_size((options.write_buffer_bytes + options.batch_bytes) * 2);
    cf.set_max_write_buffer_number(4);
    cf.set_target_file_size_base(options.file_bytes);
    cf.set_max_bytes_for_level_base(options.file_bytes * 4);
    cf.set_level_compaction_dynamic_level_bytes(true);
    let compression = match options.compression.as_str() {
        "none" => DBCompressionType::None,
        "zstd" => DBCompressionType::Zstd,
        _ => DBCompressionType::Lz4,
    };
    cf.set_compression_type(compression);
    // The first level is written and read again soon: compressing it costs more than it saves.
    cf.set_compression_per_level(&[DBCompressionType::None, compression]);
    let namespace_at = match family {
        Family::Meta | Family::Element => Some(2),
        Family::Expiry => Some(11),
        Family::System => None,
    };
    if let Some(position) = namespace_at {
        cf.set_compaction_filter_factory(DropDead { dead: dead.clone(), position });
    }
    cf
}

/// Drops the keys of dead namespaces while RocksDB compacts. Looks at nothing else: no clock, no other family.
struct DropDead {
    dead: Dead,
    /// Where the namespace stands in a key.
    position: usize,
}

struct DropDeadFilter {
    dead: HashSet<Namespace>,
    position: usize,
}

impl CompactionFilterFactory for DropDead {
    type Filter = DropDeadFilter;

    fn create(&mut self, _context: CompactionFilterContext) -> DropDeadFilter {
        let dead = self.dead.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        DropDeadFilter { dead, position: self.position }
    }

    fn name(&self) -> &CStr {
        c"pika.drop-dead-namespaces"
    }
}

impl CompactionFilter for DropDeadFilter {
    fn filter(&mut self, _level: u32, key: &[u8], _value: &[u8]) -> Decision {
        // A key too short to have a namespace is kept: whatever it is, dropping it is not this filter's business.
        let namespace = key.get(self.position..self.position + 4).and_then(|bytes| bytes.try_into().ok());
        match namespace.map(Namespace::from_be_bytes) {
            Some(namespace) if self.dead.contains(&namespace) => Decision::Remove,
            _ => Decision::Keep,
        }
    }

    fn name(&self) -> &CStr {
        c"pika.drop-dead-namespaces"
    }
}

fn read_options(range: Option<&Range>, tier: Tier) -> ReadOptions {
    let mut options = ReadOptions::default();
    if tier == Tier::Memory {
        options.set_read_tier(ReadTier::BlockCache);
    }
    if let Some(range) = range {
        options.set_iterate_lower_bound(range.lower.clone());
        if !range.upper.is_empty() {
            options.set_iterate_upper_bound(range.upper.clone());
        }
        options.set_auto_readahead_size(true);
    }
    options
}

thread_local! {
    /// Point reads come by the million, and making options anew costs as much as a cache hit.
    static MEMORY_READ: ReadOptions = read_options(None, Tier::Memory);
    static DISK_READ: ReadOptions = read_options(None, Tier::Disk);
}

struct Walk<'a> {
    iterator: DBRawIteratorWithThreadMode<'a, DB>,
    started: bool,
}

impl EngineIterator for Walk<'_> {
    fn next(&mut self) -> Result<Option<EntryRef<'_>>, ReadError> {
        if self.started {
            // Moving on from an entry that was not there is an error in the C++ library.
            if !self.iterator.valid() {
                return Ok(None);
            }
            self.iterator.next();
        } else {
            self.iterator.seek_to_first();
            self.started = true;
        }
        if self.iterator.valid() {
            return Ok(self.iterator.item());
        }
        // The end, or an error that looks like one.
        self.iterator.status().map_err(read_failed)?;
        Ok(None)
    }
}

impl Read for RocksEngine {
    fn get(&self, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>, ReadError> {
        let read = |options: &ReadOptions| self.db.get_pinned_cf_opt(self.family(family), key, options);
        let found = match tier {
            Tier::Memory => MEMORY_READ.with(read),
            Tier::Disk => DISK_READ.with(read),
        };
        Ok(found.map_err(read_failed)?.map(|value| value.to_vec()))
    }

    fn iterate(&self, family: Family, range: &Range, tier: Tier) -> Box<dyn EngineIterator + '_> {
        let options = read_options(Some(range), tier);
        let iterator = self.db.raw_iterator_cf_opt(self.family(family), options);
        Box::new(Walk { iterator, started: false })
    }

    fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        self.db
            .batched_multi_get_cf(self.family(family), keys, true)
            .into_iter()
            .map(|found| Ok(found.map_err(read_failed)?.map(|value| value.to_vec())))
            .collect()
    }
}

impl Engine for RocksEngine {
    fn write(&self, batch: Batch<'_>) -> Result<(), EngineError> {
        let bytes = batch.0.iter().map(Change::size).sum();
        /// Changes whose bytes are fetched from memory together: they lie all over it.
        const TOGETHER: usize = 16;
        let families = Family::ALL.map(|family| self.family(family));
        let mut write = WriteBatch::with_capacity_bytes(bytes);
        for changes in batch.0.chunks(TOGETHER) {
            std::hint::black_box(changes.iter().fold(0, |seen, change| seen ^ change.ends()));
            for change in changes {
                match change {
                    Change::Put(family, key, value) => write.put_cf(families[*family as usize], key, value),
                    Change::Delete(family, key) => write.delete_cf(families[*family as usize], key),
                    Change::DeleteRange(family, range) => {
                        write.delete_range_cf(families[*family as usize], &range.lower, &range.upper);
                    }
                }
            }
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        // Batches are sorted: the place of one key is near the place of the last.
        options.set_memtable_insert_hint_per_batch(true);
        self.db.write_opt(write, &options).map_err(failed)
    }

    fn snapshot(&self) -> Box<dyn Read> {
        Box::new(OwnedSnapshot::new(self.db.clone()))
    }

    fn flush(&self, wait: bool) -> Result<(), EngineError> {
        let mut options = FlushOptions::default();
        options.set_wait(wait);
        let families: Vec<&ColumnFamily> = Family::ALL.iter().map(|&family| self.family(family)).collect();
        self.db.flush_cfs_opt(&families, &options).map_err(failed)
    }

    fn checkpoint(&self, folder: &Path) -> Result<(), EngineError> {
        let checkpoint = rocksdb::checkpoint::Checkpoint::new(&self.db).map_err(failed)?;
        checkpoint.create_checkpoint(folder).map_err(failed)
    }

    fn compact(&self, family: Family, range: &Range) {
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
        let lower = (!range.lower.is_empty()).then_some(&range.lower);
        let upper = (!range.upper.is_empty()).then_some(&range.upper);
        self.db.compact_range_cf_opt(self.family(family), lower, upper, &options);
    }

    fn drop_files(&self, family: Family, range: &Range) -> Result<(), EngineError> {
        let upper = if range.upper.is_empty() { &[0xff; 64][..] } else { &range.upper };
        self.db.delete_file_in_range_cf(self.family(family), &range.lower[..], upper).map_err(failed)
    }

    fn property(&self, name: &str) -> Option<u64> {
        Family::ALL
            .iter()
            .map(|&family| self.db.property_int_value_cf(self.family(family), name).ok().flatten())
            .sum()
    }

    fn unflushed_bytes(&self) -> u64 {
        self.property("rocksdb.cur-size-active-mem-table").unwrap_or(0)
    }

    fn close(&self) {
        self.db.cancel_all_background_work(true);
    }
}

impl Change<'_> {
    /// About how many bytes it takes in a batch.
    fn size(&self) -> usize {
        const HEADER: usize = 12;
        HEADER
            + match self {
                Change::Put(_, key, value) => key.len() + value.len(),
                Change::Delete(_, key) => key.len(),
                Change::DeleteRange(_, range) => range.lower.len() + range.upper.len(),
            }
    }

    /// Looks at where its bytes begin and end.
    fn ends(&self) -> u8 {
        match self {
            Change::Put(_, key, value) => {
                key.first().copied().unwrap_or(0) ^ value.last().copied().unwrap_or(0)
            }
            Change::Delete(_, key) => key.first().copied().unwrap_or(0),
            Change::DeleteRange(..) => 0,
        }
    }
}

/// A snapshot that keeps its database alive, so that it can go to another thread.
struct OwnedSnapshot {
    // Dropped in this order: the snapshot before the database that it points into.
    snapshot: SnapshotWithThreadMode<'static, DB>,
    db: Arc<DB>,
}

impl OwnedSnapshot {
    #[expect(unsafe_code, reason = "the crate's snapshot borrows its database; this one shares it")]
    fn new(db: Arc<DB>) -> OwnedSnapshot {
        let snapshot = db.snapshot();
        // SAFETY: the snapshot borrows `*db`, which lives in the Arc's allocation, does not move, and is kept
        // alive by the field beside it, which is dropped later. Nothing hands the snapshot out.
        let snapshot = unsafe {
            std::mem::transmute::<SnapshotWithThreadMode<'_, DB>, SnapshotWithThreadMode<'static, DB>>(
                snapshot,
            )
        };
        OwnedSnapshot { snapshot, db }
    }
}

impl std::fmt::Debug for OwnedSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnedSnapshot").field("sequence", &self.snapshot.sequence_number()).finish()
    }
}

impl Read for OwnedSnapshot {
    fn get(&self, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>, ReadError> {
        let options = read_options(None, tier);
        let found = self.snapshot.get_pinned_cf_opt(handle(&self.db, family), key, options);
        Ok(found.map_err(read_failed)?.map(|value| value.to_vec()))
    }

    fn iterate(&self, family: Family, range: &Range, tier: Tier) -> Box<dyn EngineIterator + '_> {
        let options = read_options(Some(range), tier);
        let iterator = self.snapshot.raw_iterator_cf_opt(handle(&self.db, family), options);
        Box::new(Walk { iterator, started: false })
    }
}
