//! Times of commands, with two exact digits, as Redis counts them: from 1 ns to 1 s.
//!
//! Up to 256 ns each nanosecond has its own counter; from there on, each doubling is cut into 128 equal parts.

const LINEAR: usize = 256;
const PARTS: usize = 128;
const PARTS_BITS: u32 = 7;
/// The longest time that is told apart, ns.
const LONGEST: u64 = 1_000_000_000;

/// How often each time was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    counters: Vec<u64>,
    count: u64,
}

impl Histogram {
    /// Counts one time, in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        let index = index_of(nanos.clamp(1, LONGEST));
        if self.counters.len() <= index {
            self.counters.resize(index + 1, 0);
        }
        self.counters[index] += 1;
        self.count += 1;
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counters.len() < other.counters.len() {
            self.counters.resize(other.counters.len(), 0);
        }
        for (mine, theirs) in self.counters.iter_mut().zip(&other.counters) {
            *mine += theirs;
        }
        self.count += other.count;
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time, in nanoseconds, that so many percent of all do not exceed.
    pub fn percentile(&self, percent: f64) -> u64 {
        // Half a count is added so that 50 % of three is the second, as in Redis.
        let wanted = ((percent.clamp(0.0, 100.0) / 100.0 * self.count as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counters.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                // 0 % asks for the least time itself, all others for the end of the part it lies in.
                return if percent == 0.0 { lowest(index) } else { highest(index) };
            }
        }
        0
    }

    /// For LATENCY HISTOGRAM: upper ends in microseconds that double, and how many times lie at or below each;
    /// from the first that holds any to the first that holds all.
    pub fn doublings(&self) -> Vec<(u64, u64)> {
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let mut limit = 1024;
        let mut seen = 0;
        let mut index = 0;
        while seen < self.count {
            let before = seen;
            while index < self.counters.len() && lowest(index) <= limit {
                seen += self.counters[index];
                index += 1;
            }
            if seen > before {
                steps.push((highest(index_of(limit)) / 1000, seen));
            }
            limit *= 2;
        }
        steps
    }
}

fn index_of(nanos: u64) -> usize {
    if nanos < LINEAR as u64 {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - PARTS_BITS;
    LINEAR + (shift as usize - 1) * PARTS + ((nanos >> shift) as usize - PARTS)
}

fn lowest(index: usize) -> u64 {
    if index < LINEAR {
        return index as u64;
    }
    let shift = (index - LINEAR) / PARTS + 1;
    (((index - LINEAR) % PARTS + PARTS) as u64) << shift
}

fn highest(index: usize) -> u64 {
    lowest(index + 1) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_without_gaps() {
        for index in 0..3000 {
            assert_eq!(index_of(lowest(index)), index);
            assert_eq!(index_of(highest(index)), index);
            assert_eq!(highest(index) + 1, lowest(index + 1));
        }
    }

    #[test]
    fn percentiles_are_the_ones_redis_shows() {
        for (micros, shown) in [(8, 8031), (11, 11_007), (9, 9023), (153, 153_599), (34, 34_047)] {
            let mut times = Histogram::default();
            times.record(micros * 1000);
            assert_eq!(times.percentile(50.0), shown);
            assert_eq!(times.percentile(99.9), shown);
        }
    }

    #[test]
    fn extremes_are_counted() {
        let mut times = Histogram::default();
        times.record(0);
        times.record(u64::MAX);
        let mut sum = Histogram::default();
        sum.merge(&times);
        assert_eq!((sum.count(), sum.percentile(0.0)), (2, 1));
        assert!(sum.percentile(100.0) >= LONGEST);
        assert_eq!(sum.doublings().last().map(|step| step.1), Some(2));
        assert_eq!(Histogram::default().percentile(50.0), 0);
        assert!(Histogram::default().doublings().is_empty());
    }
}
