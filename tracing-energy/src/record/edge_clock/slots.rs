//! The open perf events of this process: a limited number, none in a fork.

use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

/// Maximum number of open events, whatever the file limit.
const MOST: usize = 64;
/// Events use at most one in this many of the process's file limit.
const PART_OF_FILES: u64 = 16;

const FREE: i32 = -1;
/// Reserved by a thread that opens its event.
const TAKEN: i32 = -2;

static FILES: [AtomicI32; MOST] = [const { AtomicI32::new(FREE) }; MOST];
/// Usable number of [`FILES`]; `usize::MAX` until computed.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Number of forks: events opened before the last fork belong to the parent.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A slot for an open event.
#[derive(Debug)]
pub(super) struct EventSlot {
    at: usize,
    forks: u32,
}

impl EventSlot {
    /// Takes a free slot, if there is one.
    pub(super) fn take() -> Option<Self> {
        let forks = FORKS.load(Ordering::Relaxed);
        let places = FILES.iter().take(limit()).enumerate();
        let mut free = places.filter(|(_, file)| {
            let taken = file.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed);
            taken.is_ok()
        });
        free.next().map(|(at, _)| Self { at, forks })
    }

    /// Sets the event's file, which is closed with the slot, or in a fork.
    pub(super) fn set(&self, file: i32) {
        FILES[self.at].store(file, Ordering::Release);
    }

    /// Returns whether this process opened it.
    pub(super) fn is_ours(&self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }
}

impl Drop for EventSlot {
    fn drop(&mut self) {
        if self.is_ours() {
            close(FILES[self.at].swap(FREE, Ordering::AcqRel));
        }
    }
}

/// In a fork: closes the parent's events. Only stores to atomics and closes files,
/// which is allowed after a fork.
pub(in crate::record) fn close_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    for file in &FILES {
        close(file.swap(FREE, Ordering::AcqRel));
    }
}

fn close(file: i32) {
    if file >= 0 {
        // SAFETY: the file is an event opened here, just removed from its slot.
        unsafe { libc::close(file) };
    }
}

fn limit() -> usize {
    let known = LIMIT.load(Ordering::Relaxed);
    if known != usize::MAX {
        return known;
    }
    let limit = places_for(soft_file_limit());
    LIMIT.store(limit, Ordering::Relaxed);
    limit
}

fn places_for(files: u64) -> usize {
    usize::try_from(files / PART_OF_FILES).map_or(MOST, |places| places.min(MOST))
}

fn soft_file_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is valid for the call to fill.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    if status == 0 { limit.rlim_cur } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_at_most_a_sixteenth_of_the_files_and_at_most_64() {
        assert_eq!(places_for(256), 16);
        assert_eq!(places_for(15), 0);
        assert_eq!(places_for(20_000), 64);
        assert_eq!(places_for(u64::MAX), 64);
    }
}
