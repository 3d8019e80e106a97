//! Counts true energy, thread by thread, without a lock.
//!
//! ```text
//! thread 1   slot: kind worked in now, since when | time of each kind
//! thread 2   slot: ...
//! sensor     for each kind: time since the last sample x power x part on a processor
//! ```
//!
//! Only its own thread writes a slot; the sensor reads it between two equal, even
//! versions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Threads and kinds that a meter has room for.
const THREADS: usize = 64;
const KINDS: usize = 512;

/// Least and greatest power of a kind, W.
const POWERS_W: (f64, f64) = (3.0, 18.0);

/// State of the current thread.
struct CurrentThread {
    /// Which meter's, and its slot there.
    meter: usize,
    slot: usize,
    stack: Vec<u32>,
}

thread_local! {
    static THREAD: RefCell<Vec<CurrentThread>> = const { RefCell::new(Vec::new()) };
}

/// One thread's part.
struct ThreadSlot {
    version: AtomicU64,
    /// The kind that is worked in, from 1; 0 outside of all.
    kind: AtomicU64,
    since_ns: AtomicU64,
    /// Up to `since_ns`.
    kind_ns: Vec<AtomicU64>,
}

impl ThreadSlot {
    fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            kind: AtomicU64::new(0),
            since_ns: AtomicU64::new(0),
            kind_ns: (0..KINDS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Ends the time of `left` and begins that of `entered`.
    fn turn(&self, now_ns: u64, left: Option<u32>, entered: Option<u32>) {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let time = now_ns.saturating_sub(load(&self.since_ns));
        let version = load(&self.version);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        if let Some(kind) = left {
            let counted = &self.kind_ns[kind as usize];
            counted.store(load(counted) + time, Ordering::Relaxed);
        }
        let kind = entered.map_or(0, |kind| u64::from(kind) + 1);
        self.kind.store(kind, Ordering::Relaxed);
        self.since_ns.store(now_ns, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }

    /// Adds the time of each kind up to `now_ns` to `times`.
    fn read(&self, now_ns: u64, times: &mut [u64]) {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let (counted, kind, since) = loop {
            let before = self.version.load(Ordering::Acquire);
            let counted: Vec<u64> = self.kind_ns.iter().map(load).collect();
            let now = (load(&self.kind), load(&self.since_ns));
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && load(&self.version) == before {
                break (counted, now.0, now.1);
            }
            std::hint::spin_loop();
        };
        times
            .iter_mut()
            .zip(counted)
            .for_each(|(all, ns)| *all += ns);
        if let Some(open) = (kind as usize).checked_sub(1) {
            times[open] += now_ns.saturating_sub(since);
        }
    }
}

/// Names of kinds, by number.
#[derive(Default)]
struct KindNumbers {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// True energies of a program.
#[derive(Clone)]
pub struct TruthMeter(Arc<MeterState>);

struct MeterState {
    born: Instant,
    slots: Vec<ThreadSlot>,
    taken: Mutex<usize>,
    kinds: Mutex<KindNumbers>,
    powers_mw: Vec<AtomicU64>,
    /// Of each kind, as far as the sensor has settled it.
    energy_j: Mutex<Vec<f64>>,
}

impl std::fmt::Debug for TruthMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Default for TruthMeter {
    fn default() -> Self {
        Self(Arc::new(MeterState {
            born: Instant::now(),
            slots: (0..THREADS).map(|_| ThreadSlot::new()).collect(),
            taken: Mutex::new(0),
            kinds: Mutex::default(),
            powers_mw: (0..KINDS).map(|_| AtomicU64::new(0)).collect(),
            energy_j: Mutex::default(),
        }))
    }
}

impl TruthMeter {
    /// The number of the kind of that name, names of spans joined by ` > `. Its
    /// power is drawn from its name.
    ///
    /// # Panics
    /// If there are more kinds than a meter has room for.
    pub fn kind(&self, name: &str) -> u32 {
        let mut kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&known) = kinds.numbers.get(name) {
            return known;
        }
        let number = u32::try_from(kinds.names.len()).expect("few kinds");
        let power = self.0.powers_mw.get(number as usize);
        let power = power.expect("room for every kind of a small model");
        power.store((power_w(name) * 1e3) as u64, Ordering::Relaxed);
        kinds.names.push(name.to_owned());
        kinds.numbers.insert(name.to_owned(), number);
        number
    }

    /// The name of a kind.
    pub(super) fn name(&self, kind: u32) -> String {
        let kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.names[kind as usize].clone()
    }

    /// The current thread works in `kind` from now on, until it leaves it.
    pub fn enter(&self, kind: u32) {
        self.turn(|stack| stack.push(kind));
    }

    /// The current thread works in what it did before the last `enter`.
    pub fn leave(&self) {
        self.turn(|stack| {
            stack.pop();
        });
    }

    /// What the current thread works in.
    pub(super) fn current(&self) -> Option<u32> {
        self.with_thread(|thread| thread.stack.last().copied())
    }

    /// Runs `work` as work of `kind`.
    pub fn working<T>(&self, kind: u32, work: impl FnOnce() -> T) -> T {
        self.enter(kind);
        let done = work();
        self.leave();
        done
    }

    /// Adds the time of each kind since `before`, which is brought up to now, to the
    /// true energies: power times time times `on_cpu`, the part of that time in which
    /// the program had a processor, given the time in seconds. Gives what was added, J.
    pub(super) fn settle(&self, before: &mut Vec<u64>, on_cpu: impl FnOnce(f64) -> f64) -> f64 {
        let now = self.times();
        before.resize(now.len(), 0);
        // A thread that was preempted before it entered its slot had less time than measured.
        let pairs = before.iter_mut().zip(now);
        let passed: Vec<u64> = pairs
            .map(|(before, now)| {
                let passed = now.saturating_sub(*before);
                *before += passed;
                passed
            })
            .collect();
        let part = on_cpu(passed.iter().sum::<u64>() as f64 / 1e9);
        let mut energy = self
            .0
            .energy_j
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        energy.resize(passed.len(), 0.0);
        let kinds = energy.iter_mut().zip(&passed).zip(&self.0.powers_mw);
        kinds
            .map(|((energy, &ns), power)| {
                let more = part * ns as f64 * power.load(Ordering::Relaxed) as f64 / 1e12;
                *energy += more;
                more
            })
            .sum()
    }

    /// Time of each kind up to now, ns.
    pub(super) fn times(&self) -> Vec<u64> {
        let now_ns = self.ns(Instant::now());
        let mut times = vec![0; KINDS];
        for slot in &self.0.slots {
            slot.read(now_ns, &mut times);
        }
        times
    }

    /// True energy of each kind, J, by name, up to the sensor's last sample.
    pub fn by_kind(&self) -> HashMap<String, f64> {
        let kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let energy = self
            .0
            .energy_j
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = |at: usize| energy.get(at).copied().unwrap_or(0.0);
        let named = kinds.names.iter().enumerate();
        named.map(|(at, name)| (name.clone(), known(at))).collect()
    }

    fn turn(&self, change: impl FnOnce(&mut Vec<u32>)) {
        self.with_thread(|thread| {
            let left = thread.stack.last().copied();
            change(&mut thread.stack);
            let entered = thread.stack.last().copied();
            self.0.slots[thread.slot].turn(self.ns(Instant::now()), left, entered);
        });
    }

    fn with_thread<T>(&self, work: impl FnOnce(&mut CurrentThread) -> T) -> T {
        let meter = Arc::as_ptr(&self.0) as usize;
        THREAD.with_borrow_mut(|threads| {
            let known = threads.iter().position(|thread| thread.meter == meter);
            let at = known.unwrap_or_else(|| {
                let slot = self.take_slot();
                let stack = Vec::with_capacity(32);
                threads.push(CurrentThread { meter, slot, stack });
                threads.len() - 1
            });
            work(&mut threads[at])
        })
    }

    fn take_slot(&self) -> usize {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(*taken < THREADS, "a slot for every thread");
        *taken += 1;
        *taken - 1
    }

    fn ns(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.0.born);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The same for the same name: kinds of one model differ, programs do not.
fn power_w(name: &str) -> f64 {
    let mut mixed = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let part = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    let (least, most) = POWERS_W;
    least * (most / least).powf(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_self_time_times_power() {
        let meter = TruthMeter::default();
        let (outer, inner) = (meter.kind("a"), meter.kind("a > b"));
        let mut before = meter.times();
        meter.working(outer, || {
            meter.working(inner, || crate::burn(std::time::Duration::from_millis(4)));
            crate::burn(std::time::Duration::from_millis(2));
            assert!(meter.times()[outer as usize] >= 2_000_000, "open, too");
        });
        let all = meter.settle(&mut before, |seconds| {
            assert!(seconds >= 0.006);
            0.5
        });
        let by_kind = meter.by_kind();
        assert!(by_kind["a > b"] >= 0.5 * 0.004 * power_w("a > b") * 0.999);
        assert!((by_kind.values().sum::<f64>() - all).abs() < 1e-9 * all);
        assert_eq!(meter.current(), None);
    }
}
