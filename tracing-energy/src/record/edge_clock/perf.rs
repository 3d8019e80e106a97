//! A thread's perf task clock, read through its mapped page without a system call.
//!
//! The kernel writes to the page whenever the event's thread is scheduled: the CPU time up
//! to then, and the factors that convert a processor's counter to the time since then
//! (`perf_event_mmap_page` in the kernel's `uapi/linux/perf_event.h`; the formulas below
//! are from its comments). Only the event's own thread may read it this way, because it is
//! on a processor while it reads.
//!
//! Limits: virtual machines and processors whose counter is not the kernel's clock have no
//! `cap_user_time`. `kernel.perf_event_paranoid` above 2 and most containers permit no
//! events. Readings are compared with the thread's CPU clock regularly.

use std::cell::Cell;
use std::fs;
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, compiler_fence};

use super::fallback::{Fallback, system_now};
use super::slots::EventSlot;
use crate::record::raw_clock::counter;

/// Tolerated difference from the CPU clock: this, plus a share of the time since the last
/// check.
const TOLERANCE_NS: u64 = 20_000;
const TOLERANCE_PART: u64 = 100;
/// Readings between checks.
const CHECK_EVERY: u32 = 64;
/// Maximum number of attempts to read a page that changes.
const MOST_TRIES: usize = 100;

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_TASK_CLOCK: u64 = 1;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
const CAP_USER_TIME: u64 = 1 << 3;
const CAP_USER_TIME_SHORT: u64 = 1 << 5;
const PAGE: usize = 4096;

/// `struct perf_event_attr` up to `PERF_ATTR_SIZE_VER0`.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint_type: u32,
    config1: u64,
}

/// The head of `struct perf_event_mmap_page`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct EventPage {
    version: u32,
    compatible: u32,
    lock: u32,
    index: u32,
    offset: i64,
    time_enabled: u64,
    time_running: u64,
    capabilities: u64,
    pmc_width: u16,
    time_shift: u16,
    time_mult: u32,
    time_offset: u64,
    time_zero: u64,
    size: u32,
    reserved: u32,
    time_cycles: u64,
    time_mask: u64,
}

/// The task clock of the thread that opened it.
#[derive(Debug)]
pub(super) struct PerfClock {
    page: NonNull<EventPage>,
    slot: EventSlot,
    /// Offset from the event's count to the thread's CPU time.
    base: Cell<u64>,
    /// CPU time at the last check.
    checked: Cell<u64>,
    until_check: Cell<u32>,
}

impl PerfClock {
    /// Opens the calling thread's event; `None` if unavailable, possibly for the whole process.
    pub(super) fn open() -> Option<Self> {
        if Fallback::current().is_some() {
            return None;
        }
        if is_filtered() {
            Fallback::Filtered.set();
            return None;
        }
        let slot = EventSlot::take()?;
        let opened = open_event().ok_or(Fallback::Refused).and_then(|file| {
            slot.set(file);
            map(file).ok_or(Fallback::NotMapped)
        });
        let page = match opened {
            Ok(page) => page,
            Err(why) => {
                why.set();
                return None;
            }
        };
        let clock = Self {
            page,
            slot,
            base: Cell::new(0),
            checked: Cell::new(0),
            until_check: Cell::new(0),
        };
        let Some(counted) = clock.counted() else {
            Fallback::NotMapped.set();
            return None;
        };
        let now = system_now()?;
        clock.base.set(now.wrapping_sub(counted));
        clock.checked.set(now);
        Some(clock)
    }

    /// CPU time of the calling thread in ns.
    pub(super) fn now(&self) -> Option<u64> {
        if !self.slot.is_ours() || Fallback::current().is_some() {
            return None;
        }
        match self.until_check.get().checked_sub(1) {
            Some(left) => {
                self.until_check.set(left);
                Some(self.counted()?.wrapping_add(self.base.get()))
            }
            None => self.check(),
        }
    }

    /// Reads the event and compares it with the CPU clock. Small differences accumulate, so
    /// the event is re-based on the CPU clock.
    fn check(&self) -> Option<u64> {
        self.until_check.set(CHECK_EVERY);
        let (counted, now) = (self.counted()?, system_now()?);
        let event = counted.wrapping_add(self.base.get());
        let since = now.saturating_sub(self.checked.get());
        if event.abs_diff(now) > TOLERANCE_NS + since / TOLERANCE_PART {
            Fallback::Disagrees.set();
            return None;
        }
        self.base.set(now.wrapping_sub(counted));
        self.checked.set(now);
        Some(now)
    }

    /// Returns the event's count in ns.
    fn counted(&self) -> Option<u64> {
        // SAFETY: the page is mapped while `self` lives, in the process that mapped
        // it: `now` looks for forks first, and `open` has just mapped it.
        unsafe { task_clock(self.page.as_ptr(), counter::now) }
    }
}

impl Drop for PerfClock {
    fn drop(&mut self) {
        // The kernel does not copy the page into forks: there the address may be
        // something else's.
        if self.slot.is_ours() {
            // SAFETY: mapped by `map` with this length, and not used any more.
            unsafe { libc::munmap(self.page.as_ptr().cast(), PAGE) };
        }
    }
}

/// Returns the CPU time of the event's thread, which must be the calling one, from its
/// page; `cycles` reads the processor's counter.
///
/// # Safety
/// `page` must be readable; others may write to it by the rules of its lock.
unsafe fn task_clock(page: *const EventPage, cycles: impl Fn() -> u64) -> Option<u64> {
    // SAFETY: readable by the contract; volatile, for the kernel writes to it.
    let lock = || unsafe { (&raw const (*page).lock).read_volatile() };
    for _ in 0..MOST_TRIES {
        // The kernel writes on the processor that reads: a fence for the compiler
        // is enough.
        let before = lock();
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as above; what is read in the middle of a write is thrown away.
        let read = unsafe { page.read_volatile() };
        let cycles = cycles();
        compiler_fence(Ordering::SeqCst);
        if before & 1 == 0 && lock() == before {
            return read.time_at(cycles);
        }
    }
    None
}

impl EventPage {
    /// Returns the CPU time at counter value `cycles`; `None` if the page does not support
    /// it.
    fn time_at(&self, mut cycles: u64) -> Option<u64> {
        if self.capabilities & CAP_USER_TIME == 0 {
            return None;
        }
        if self.capabilities & CAP_USER_TIME_SHORT != 0 {
            let since = cycles.wrapping_sub(self.time_cycles) & self.time_mask;
            cycles = self.time_cycles.wrapping_add(since);
        }
        let shift = u32::from(self.time_shift).min(63);
        let mult = u64::from(self.time_mult);
        let (whole, part) = (cycles >> shift, cycles & ((1 << shift) - 1));
        let since = (self.time_offset)
            .wrapping_add(whole.wrapping_mul(mult))
            .wrapping_add(part.wrapping_mul(mult) >> shift);
        Some(self.time_running.wrapping_add(since))
    }
}

/// Returns whether a seccomp filter is active: a forbidden system call may end the process.
fn is_filtered() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    has_filter(&status)
}

/// Returns `true` if the status has no `Seccomp` line: there may be a filter.
fn has_filter(status: &str) -> bool {
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"));
    mode.is_none_or(|mode| mode.trim() != "0")
}

fn open_event() -> Option<i32> {
    // A task clock counts all of its thread's time, whatever is excluded; without
    // the kernel it is permitted to everyone by default.
    let attributes = Attributes {
        kind: PERF_TYPE_SOFTWARE,
        size: size_of::<Attributes>() as u32,
        config: PERF_COUNT_SW_TASK_CLOCK,
        flags: EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR,
        ..Attributes::default()
    };
    let (this_thread, any_processor, no_group): (libc::pid_t, libc::c_int, libc::c_int) =
        (0, -1, -1);
    // SAFETY: `attributes` is of the size that it states and lives during the call.
    let file = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            this_thread,
            any_processor,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    i32::try_from(file).ok().filter(|&file| file >= 0)
}

fn map(file: i32) -> Option<NonNull<EventPage>> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file,
            0,
        )
    };
    NonNull::new(page.cast::<EventPage>()).filter(|_| page != libc::MAP_FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written 1,000 ns of CPU time in, when the counter stood at 3,000 and counted
    /// 3 in a ns: mult / 2^shift = 1 / 3.
    fn page() -> EventPage {
        let (time_shift, mult) = (24, (1_u64 << 24) / 3 + 1);
        EventPage {
            time_running: 1_000,
            time_enabled: 1_000,
            capabilities: CAP_USER_TIME,
            time_shift,
            time_mult: mult as u32,
            time_offset: 0_u64.wrapping_sub((3_000 * mult) >> time_shift),
            ..EventPage::default()
        }
    }

    fn read(page: &EventPage, cycles: u64) -> Option<u64> {
        // SAFETY: a page of our own.
        unsafe { task_clock(page, || cycles) }
    }

    #[test]
    fn the_time_since_the_page_was_written_is_added() {
        assert_eq!(read(&page(), 3_000), Some(1_000));
        assert_eq!(read(&page(), 3_000 + 3 * 250), Some(1_250));
    }

    #[test]
    fn a_counter_of_few_bits_may_have_wrapped() {
        let page = EventPage {
            capabilities: CAP_USER_TIME | CAP_USER_TIME_SHORT,
            time_cycles: 3_000,
            time_mask: 0xfff,
            ..page()
        };
        // 4,200 does not fit into 12 bits: the counter shows 104.
        assert_eq!(read(&page, 3_600), Some(1_200));
        assert_eq!(read(&page, 4_200 & 0xfff), Some(1_400));
    }

    #[test]
    fn a_page_without_user_time_or_in_the_middle_of_a_write_is_not_read() {
        let blind = EventPage {
            capabilities: 0,
            ..page()
        };
        assert_eq!(read(&blind, 3_000), None);
        let written = EventPage { lock: 7, ..page() };
        assert_eq!(read(&written, 3_000), None);
    }

    #[test]
    fn a_page_that_changes_while_it_is_read_is_read_again() {
        let mut page = page();
        let page = &raw mut page;
        let tries = Cell::new(0);
        let counter = || {
            if tries.replace(tries.get() + 1) < 3 {
                // SAFETY: a page of our own, without other references.
                unsafe { (*page).lock += 2 };
            }
            3_030
        };
        // SAFETY: as above.
        assert_eq!(unsafe { task_clock(page, counter) }, Some(1_010));
        assert_eq!(tries.get(), 4);
    }

    #[test]
    fn seccomp_filters_are_detected() {
        assert!(!has_filter("Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n"));
        assert!(has_filter("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"));
        assert!(has_filter("Name:\tx\n"));
    }

    #[test]
    fn attributes_and_page_have_the_kernels_layout() {
        assert_eq!(size_of::<Attributes>(), 64);
        assert_eq!(std::mem::offset_of!(EventPage, time_enabled), 24);
        assert_eq!(std::mem::offset_of!(EventPage, capabilities), 40);
        assert_eq!(std::mem::offset_of!(EventPage, time_mult), 52);
        assert_eq!(std::mem::offset_of!(EventPage, time_offset), 56);
        assert_eq!(std::mem::offset_of!(EventPage, time_cycles), 80);
    }
}
