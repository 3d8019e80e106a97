//! Activity of kinds over time, stored as sparse slots and records of long pieces.
//!
//! ```text
//! pieces   |--a--|----------- b ----------------|-a-|
//! slots    [a][ab][                           ][b][a]     kind, level, time
//! longs          ------------ b ---------------           whole slots at once
//! ```
//!
//! Within a slot, time counts as spread evenly. When there are too many entries, pairs of slots
//! are merged, so that memory stays bounded for any length of a run.

/// Limit of slot entries and long records; beyond it slots are merged.
const MOST_ENTRIES: usize = 8 << 20;
/// Limit of entries that wait to be merged.
const PENDING: usize = 1 << 20;
/// Number of whole slots above which a piece becomes a record of its own.
const LONG_SLOTS: i32 = 4;
/// Largest number of slots of a record, so that records over a point are found fast.
pub(super) const RECORD_SLOTS: i32 = 128;
/// Slots that share an entry of squared durations, as a shift.
const SQUARE_SHIFT: i32 = 5;
/// Number of open instances of one kind that are tracked at once.
const FOLLOWED: usize = 8;
/// Bits of a key that hold the level of concurrency.
const LEVEL_BITS: u32 = 8;
const LEVELS: u32 = (1 << LEVEL_BITS) - 1;

/// Time of one kind at one level of concurrency within one slot.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: i32,
    key: u32,
    seconds: f32,
}

/// A piece over whole slots: `rate` is weighted seconds per second.
#[derive(Debug, Clone, Copy)]
struct Long {
    from: i32,
    to: i32,
    key: u32,
    rate: f32,
}

#[derive(Debug, Clone, Copy, Default)]
struct TimelineInstance {
    start_ns: i64,
    end_ns: i64,
    seconds: f32,
}

/// Weighted self time of kinds over time.
#[derive(Debug, Clone)]
pub struct Timeline {
    slot_ns: i64,
    base_ns: i64,
    entries: Vec<Entry>,
    longs: Vec<Long>,
    squares: Vec<Entry>,
    kinds: u32,
}

/// Collects pieces into a [`Timeline`].
#[derive(Debug)]
pub struct TimelineBuilder {
    timeline: Timeline,
    begun: bool,
    merged: usize,
    open: Vec<[TimelineInstance; FOLLOWED]>,
}

impl TimelineBuilder {
    /// Creates a builder with slots of `slot_ns` nanoseconds. Suitable are a hundredth of the
    /// sampling interval, or 250 000.
    pub fn new(slot_ns: i64) -> Self {
        Self {
            timeline: Timeline {
                slot_ns: slot_ns.max(1_000),
                base_ns: 0,
                entries: Vec::new(),
                longs: Vec::new(),
                squares: Vec::new(),
                kinds: 0,
            },
            begun: false,
            merged: 0,
            open: Vec::new(),
        }
    }

    /// Adds self time of `kind` between two times in nanoseconds, in roughly increasing order.
    /// `weight` is the share of the time that counts. `concurrency` is the number of spans that
    /// run in the domain at that time, including this one. Pieces without length or with
    /// invalid numbers are ignored, and so are kinds above 2^24.
    pub fn piece(&mut self, start_ns: i64, end_ns: i64, kind: u32, weight: f32, concurrency: f32) {
        let sound = end_ns > start_ns && weight > 0.0 && weight.is_finite();
        if !sound || kind >= 1 << (32 - LEVEL_BITS) {
            return;
        }
        let t = &mut self.timeline;
        if !self.begun {
            t.base_ns = start_ns.div_euclid(t.slot_ns).saturating_mul(t.slot_ns);
            self.begun = true;
        }
        t.kinds = t.kinds.max(kind + 1);
        let key = kind << LEVEL_BITS | u32::from(level_of(concurrency));
        t.add(start_ns, end_ns, key, weight);
        self.follow(start_ns, end_ns, kind, weight);
        if self.timeline.len() > self.merged + PENDING {
            self.compact();
        }
    }

    /// Returns the finished timeline.
    pub fn build(mut self) -> Timeline {
        for kind in 0..self.open.len() {
            for at in 0..FOLLOWED {
                let done = self.open[kind][at];
                self.timeline.square(done, kind as u32);
            }
        }
        self.compact();
        self.timeline
    }

    /// Joins adjacent pieces into instances, whose squared lengths give the variance of a
    /// window's energy.
    fn follow(&mut self, start_ns: i64, end_ns: i64, kind: u32, weight: f32) {
        let kind_at = kind as usize;
        if self.open.len() <= kind_at {
            self.open
                .resize(kind_at + 1, [TimelineInstance::default(); FOLLOWED]);
        }
        let seconds = (end_ns - start_ns) as f32 * 1e-9 * weight;
        let open = &mut self.open[kind_at];
        if let Some(same) = open
            .iter_mut()
            .find(|one| one.seconds > 0.0 && one.end_ns == start_ns)
        {
            same.end_ns = end_ns;
            same.seconds += seconds;
            return;
        }
        let oldest = (0..FOLLOWED).min_by_key(|&at| open[at].end_ns).unwrap_or(0);
        let done = std::mem::replace(
            &mut open[oldest],
            TimelineInstance {
                start_ns,
                end_ns,
                seconds,
            },
        );
        self.timeline.square(done, kind);
    }

    fn compact(&mut self) {
        self.timeline.merge();
        while self.timeline.len() > MOST_ENTRIES {
            self.timeline.coarsen();
        }
        self.merged = self.timeline.len();
    }
}

impl Timeline {
    /// Estimated memory use in bytes.
    pub fn bytes(&self) -> usize {
        (self.entries.capacity() + self.squares.capacity()) * size_of::<Entry>()
            + self.longs.capacity() * size_of::<Long>()
    }

    /// One more than the highest kind.
    pub fn kinds(&self) -> u32 {
        self.kinds
    }

    /// Calls `take(kind, seconds)` for all weighted time between two times in
    /// nanoseconds. Each level's time counts times `table[level]`.
    pub(super) fn between(
        &self,
        from_ns: f64,
        to_ns: f64,
        table: &[f64; 256],
        mut take: impl FnMut(u32, f64),
    ) {
        let slot = self.slot_ns as f64;
        let (a, b) = (
            (from_ns - self.base_ns as f64) / slot,
            (to_ns - self.base_ns as f64) / slot,
        );
        if b <= a {
            return;
        }
        let clamp = |x: f64| x.clamp(f64::from(i32::MIN / 2), f64::from(i32::MAX / 2));
        let (a, b) = (clamp(a), clamp(b));
        let (first, last) = (a.floor() as i32, b.ceil() as i32);
        let inside = |from: i32, to: i32| (b.min(f64::from(to)) - a.max(f64::from(from))).max(0.0);
        let begin = self.entries.partition_point(|one| one.slot < first);
        for one in self.entries[begin..]
            .iter()
            .take_while(|one| one.slot < last)
        {
            let share = inside(one.slot, one.slot + 1);
            take(
                one.key >> LEVEL_BITS,
                f64::from(one.seconds) * share * table[(one.key & LEVELS) as usize],
            );
        }
        let begin = self
            .longs
            .partition_point(|one| one.from < first.saturating_sub(RECORD_SLOTS));
        for one in self.longs[begin..].iter().take_while(|one| one.from < last) {
            let slots = inside(one.from, one.to);
            if slots > 0.0 {
                let seconds = slots * slot * 1e-9 * f64::from(one.rate);
                take(
                    one.key >> LEVEL_BITS,
                    seconds * table[(one.key & LEVELS) as usize],
                );
            }
        }
    }

    /// Calls `take(kind, seconds)` for all weighted time.
    pub(super) fn all(&self, table: &[f64; 256], take: impl FnMut(u32, f64)) {
        let far = 1e18;
        self.between(-far, far, table, take);
    }

    /// Calls `take(kind, seconds^2)` for the instances whose middle is between two times.
    pub(super) fn squares_between(&self, from_ns: f64, to_ns: f64, mut take: impl FnMut(u32, f64)) {
        let slot = (self.slot_ns << SQUARE_SHIFT) as f64;
        let at = |t: f64| (((t - self.base_ns as f64) / slot).round()).clamp(-1e9, 1e9) as i32;
        let (first, last) = (at(from_ns), at(to_ns));
        let begin = self.squares.partition_point(|one| one.slot < first);
        for one in self.squares[begin..]
            .iter()
            .take_while(|one| one.slot < last)
        {
            take(one.key, f64::from(one.seconds));
        }
    }

    /// Share of the time during which more than one span ran.
    pub(super) fn concurrent_share(&self) -> f64 {
        let slot_s = self.slot_ns as f64 * 1e-9;
        let short = self
            .entries
            .iter()
            .map(|one| (one.key, f64::from(one.seconds)));
        let long = self.longs.iter().map(|one| {
            let slots = f64::from(one.to - one.from);
            (one.key, slots * slot_s * f64::from(one.rate))
        });
        let alone = u32::from(level_of(1.1));
        let (mut all, mut many) = (0.0, 0.0);
        for (key, seconds) in short.chain(long) {
            all += seconds;
            if key & LEVELS > alone {
                many += seconds;
            }
        }
        if all > 0.0 { many / all } else { 0.0 }
    }

    fn len(&self) -> usize {
        self.entries.len() + self.longs.len() + self.squares.len()
    }

    fn slot_at(&self, t_ns: i64) -> i32 {
        let slot = t_ns.saturating_sub(self.base_ns).div_euclid(self.slot_ns);
        slot.clamp(i64::from(i32::MIN / 4), i64::from(i32::MAX / 4)) as i32
    }

    fn add(&mut self, start_ns: i64, end_ns: i64, key: u32, weight: f32) {
        let (first, last) = (self.slot_at(start_ns), self.slot_at(end_ns));
        let edge = |slot: i32| {
            self.base_ns
                .saturating_add(i64::from(slot).saturating_mul(self.slot_ns))
        };
        let seconds = |ns: i64| ns as f32 * 1e-9 * weight;
        if first == last {
            self.entries.push(Entry {
                slot: first,
                key,
                seconds: seconds(end_ns - start_ns),
            });
            return;
        }
        let head = Entry {
            slot: first,
            key,
            seconds: seconds(edge(first + 1) - start_ns),
        };
        let tail = Entry {
            slot: last,
            key,
            seconds: seconds(end_ns - edge(last)),
        };
        self.entries.push(head);
        if last - first - 1 > LONG_SLOTS {
            let mut from = first + 1;
            while from < last {
                let to = last.min(from + RECORD_SLOTS);
                self.longs.push(Long {
                    from,
                    to,
                    key,
                    rate: weight,
                });
                from = to;
            }
        } else {
            let whole = seconds(self.slot_ns);
            self.entries.extend((first + 1..last).map(|slot| Entry {
                slot,
                key,
                seconds: whole,
            }));
        }
        if tail.seconds > 0.0 {
            self.entries.push(tail);
        }
    }

    fn square(&mut self, done: TimelineInstance, kind: u32) {
        if done.seconds > 0.0 {
            let middle = done.start_ns / 2 + done.end_ns / 2;
            let slot = self.slot_at(middle) >> SQUARE_SHIFT;
            self.squares.push(Entry {
                slot,
                key: kind,
                seconds: done.seconds * done.seconds,
            });
        }
    }

    fn merge(&mut self) {
        join(&mut self.entries);
        join(&mut self.squares);
        self.longs.sort_by_key(|one| (one.from, one.key, one.to));
    }

    /// Merges pairs of slots.
    fn coarsen(&mut self) {
        self.slot_ns *= 2;
        for one in self.entries.iter_mut().chain(&mut self.squares) {
            one.slot = one.slot.div_euclid(2);
        }
        let half = self.slot_ns as f32 * 0.5e-9;
        let mut odd = Vec::new();
        for one in &mut self.longs {
            let mut halve = |slot: i32| {
                odd.push(Entry {
                    slot: slot.div_euclid(2),
                    key: one.key,
                    seconds: half * one.rate,
                })
            };
            if one.from.rem_euclid(2) == 1 {
                halve(one.from);
            }
            if one.to.rem_euclid(2) == 1 && one.to > one.from {
                halve(one.to - 1);
            }
            one.from = (one.from + 1).div_euclid(2);
            one.to = one.to.div_euclid(2);
        }
        self.longs.retain(|one| one.to > one.from);
        self.entries.append(&mut odd);
        self.merge();
    }
}

/// Sorts entries and merges those of the same slot and key.
fn join(entries: &mut Vec<Entry>) {
    entries.sort_by_key(|one| (one.slot, one.key));
    entries.dedup_by(|next, kept| {
        let same = (next.slot, next.key) == (kept.slot, kept.key);
        if same {
            kept.seconds += next.seconds;
        }
        same
    });
}

/// Returns the level of a concurrency: in steps of 1/16 up to 8, coarser above.
fn level_of(concurrency: f32) -> u8 {
    let n = if concurrency.is_finite() {
        concurrency.clamp(1.0, 1024.0)
    } else {
        1.0
    };
    if n <= 8.0 {
        ((n - 1.0) * 16.0).round() as u8
    } else {
        (112.0 + (n / 8.0).log2() * 20.0).round() as u8
    }
}

fn concurrency_of(level: usize) -> f64 {
    if level <= 112 {
        1.0 + level as f64 / 16.0
    } else {
        8.0 * 2.0_f64.powf((level as f64 - 112.0) / 20.0)
    }
}

/// Returns the weight of time at each level: `n^(alpha - 1)`.
pub(super) fn weights(alpha: f64) -> [f64; 256] {
    std::array::from_fn(|level| concurrency_of(level).powf(alpha - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(timeline: &Timeline, from_ns: i64, to_ns: i64, kind: u32) -> f64 {
        let mut sum = 0.0;
        timeline.between(from_ns as f64, to_ns as f64, &weights(1.0), |k, s| {
            sum += if k == kind { s } else { 0.0 }
        });
        sum
    }

    #[test]
    fn time_is_found_where_it_was_added() {
        let mut builder = TimelineBuilder::new(1_000_000);
        builder.piece(500_000, 10_250_000, 0, 1.0, 1.0);
        builder.piece(10_250_000, 10_750_000, 1, 0.5, 2.0);
        let timeline = builder.build();
        assert!((seconds(&timeline, 0, 20_000_000, 0) - 9.75e-3).abs() < 1e-9);
        assert!((seconds(&timeline, 3_500_000, 5_000_000, 0) - 1.5e-3).abs() < 1e-9);
        assert!((seconds(&timeline, 0, 20_000_000, 1) - 0.25e-3).abs() < 1e-9);
        assert!((timeline.concurrent_share() - 0.25 / 10.0).abs() < 1e-6);
    }

    #[test]
    fn coarser_slots_lose_no_time() {
        let mut builder = TimelineBuilder::new(100_000);
        for i in 0..500_i64 {
            builder.piece(
                i * 1_730_000,
                i * 1_730_000 + 1_610_000,
                (i % 3) as u32,
                1.0,
                1.0,
            );
        }
        let mut timeline = builder.build();
        let before: Vec<f64> = (0..3)
            .map(|k| seconds(&timeline, 0, 1_000_000_000, k))
            .collect();
        for _ in 0..5 {
            timeline.coarsen();
            for (kind, before) in before.iter().enumerate() {
                assert!((seconds(&timeline, 0, 1_000_000_000, kind as u32) - before).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn levels_are_exact_for_small_whole_numbers() {
        for n in 1..=8_u8 {
            assert_eq!(
                concurrency_of(usize::from(level_of(f32::from(n)))),
                f64::from(n)
            );
        }
        assert!((concurrency_of(usize::from(level_of(100.0))) / 100.0 - 1.0).abs() < 0.02);
    }
}
