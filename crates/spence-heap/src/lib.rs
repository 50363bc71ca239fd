//! Gives freed memory back to the system.
//!
//! An allocator keeps the pages of what was freed for what comes next. glibc's does so until it is
//! told otherwise, so a process that has dropped half of a cache is as large as before.

/// Returns every page that holds nothing any more, of all of glibc's arenas. Locks each of them in
/// turn, for some milliseconds per 100 MB that were freed; not for an async thread.
///
/// Elsewhere, or where the program has chosen another allocator, it does nothing; others return
/// pages by themselves after a while.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "malloc_trim is a function of C")]
    // SAFETY: malloc_trim(3) is MT-safe and asks nothing of its caller; blocks in use stay.
    unsafe {
        libc::malloc_trim(0);
    }
}
