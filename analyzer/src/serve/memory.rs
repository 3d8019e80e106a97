//! Memory of large answers.

/// Returns unused memory to the system. The allocator keeps what a large answer needed while it
/// was computed, separately for each thread.
pub(super) fn release() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` has no preconditions, and may be called by any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
