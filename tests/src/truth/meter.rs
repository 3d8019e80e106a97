//! Counts true energy, thread by thread, without a lock.
//!
//! ```text
//! thread 1   slot: kind worked in now, since when | time of each kind | energy
//! thread 2   slot: ...
//! sensor     sum over slots of energy + power x (now - since)
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

/// What the current thread does.
struct Thread {
    /// Which meter's, and its slot there.
    meter: usize,
    slot: usize,
    stack: Vec<u32>,
}

thread_local! {
    static THREAD: RefCell<Vec<Thread>> = const { RefCell::new(Vec::new()) };
}

/// One thread's part.
struct Slot {
    version: AtomicU64,
    /// Power of the kind that is worked in, mW; 0 outside of all.
    power_mw: AtomicU64,
    since_ns: AtomicU64,
    /// Up to `since_ns`, mW x ns.
    energy_pj: AtomicU64,
    kind_ns: Vec<AtomicU64>,
}

impl Slot {
    fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            power_mw: AtomicU64::new(0),
            since_ns: AtomicU64::new(0),
            energy_pj: AtomicU64::new(0),
            kind_ns: (0..KINDS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Ends the time of `left` and begins that of a kind of `power_mw`.
    fn turn(&self, now_ns: u64, left: Option<u32>, power_mw: u64) {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let time = now_ns.saturating_sub(load(&self.since_ns));
        let version = load(&self.version);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        let energy = load(&self.energy_pj) + load(&self.power_mw) * time;
        self.energy_pj.store(energy, Ordering::Relaxed);
        self.power_mw.store(power_mw, Ordering::Relaxed);
        self.since_ns.store(now_ns, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
        if let Some(kind) = left {
            let counted = &self.kind_ns[kind as usize];
            counted.store(load(counted) + time, Ordering::Relaxed);
        }
    }

    /// Energy up to `now_ns`, pJ.
    fn read(&self, now_ns: u64) -> u64 {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
            let time = now_ns.saturating_sub(load(&self.since_ns));
            let energy = load(&self.energy_pj) + load(&self.power_mw) * time;
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && load(&self.version) == before {
                return energy;
            }
            std::hint::spin_loop();
        }
    }
}

/// Names of kinds, by number.
#[derive(Default)]
struct Kinds {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// True energies of a program.
#[derive(Clone)]
pub struct Meter(Arc<Shared>);

struct Shared {
    born: Instant,
    slots: Vec<Slot>,
    taken: Mutex<usize>,
    kinds: Mutex<Kinds>,
    powers_mw: Vec<AtomicU64>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self(Arc::new(Shared {
            born: Instant::now(),
            slots: (0..THREADS).map(|_| Slot::new()).collect(),
            taken: Mutex::new(0),
            kinds: Mutex::default(),
            powers_mw: (0..KINDS).map(|_| AtomicU64::new(0)).collect(),
        }))
    }
}

impl Meter {
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

    /// All true energy up to now, J, and when that is.
    pub fn read(&self) -> (f64, Instant) {
        let now = Instant::now();
        let now_ns = self.ns(now);
        let slots = self.0.slots.iter().map(|slot| slot.read(now_ns));
        (slots.sum::<u64>() as f64 / 1e12, now)
    }

    /// True energy of each kind that was worked in, J, by name; not of work that
    /// is still under way.
    pub fn by_kind(&self) -> HashMap<String, f64> {
        let kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let energy = |number: usize| {
            let times = self.0.slots.iter().map(|slot| &slot.kind_ns[number]);
            let ns: u64 = times.map(|ns| ns.load(Ordering::Relaxed)).sum();
            let power = self.0.powers_mw[number].load(Ordering::Relaxed);
            ns as f64 * power as f64 / 1e12
        };
        let named = kinds.names.iter().enumerate();
        named.map(|(at, name)| (name.clone(), energy(at))).collect()
    }

    fn turn(&self, change: impl FnOnce(&mut Vec<u32>)) {
        self.with_thread(|thread| {
            let left = thread.stack.last().copied();
            change(&mut thread.stack);
            let power = thread.stack.last().map_or(0, |&kind| {
                self.0.powers_mw[kind as usize].load(Ordering::Relaxed)
            });
            self.0.slots[thread.slot].turn(self.ns(Instant::now()), left, power);
        });
    }

    fn with_thread<T>(&self, work: impl FnOnce(&mut Thread) -> T) -> T {
        let meter = Arc::as_ptr(&self.0) as usize;
        THREAD.with_borrow_mut(|threads| {
            let known = threads.iter().position(|thread| thread.meter == meter);
            let at = known.unwrap_or_else(|| {
                let slot = self.take_slot();
                let stack = Vec::with_capacity(32);
                threads.push(Thread { meter, slot, stack });
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
    fn self_time_times_power_is_the_energy() {
        let meter = Meter::default();
        let (outer, inner) = (meter.kind("a"), meter.kind("a > b"));
        let begin = Instant::now();
        meter.working(outer, || {
            meter.working(inner, || crate::burn(std::time::Duration::from_millis(4)));
            crate::burn(std::time::Duration::from_millis(2));
            let (read, now) = meter.read();
            let most = (now - begin).as_secs_f64() * POWERS_W.1;
            assert!(read > 0.006 * POWERS_W.0 && read <= most, "{read} J");
        });
        let by_kind = meter.by_kind();
        assert!(by_kind["a > b"] >= 0.004 * power_w("a > b") * 0.999);
        let all: f64 = by_kind.values().sum();
        assert!((meter.read().0 - all).abs() < 1e-9 * all);
        assert_eq!(meter.current(), None);
    }
}
