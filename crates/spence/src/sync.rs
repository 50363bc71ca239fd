//! Locks and atomics of the engine, in one place.
//!
//! Normally parking_lot and std; with the feature `shuttle` or `loom` they are those of that crate,
//! which turn every lock and atomic operation into a point at which a test may switch threads.

#[cfg(not(any(feature = "shuttle", feature = "loom")))]
mod imp {
    pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock};
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use std::thread::yield_now;
}

#[cfg(any(feature = "shuttle", feature = "loom"))]
mod imp {
    #[cfg(feature = "loom")]
    use loom as model;
    #[cfg(not(feature = "loom"))]
    use shuttle as model;

    pub(crate) use model::sync::MutexGuard;
    pub(crate) use model::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use model::thread::yield_now;

    /// The model's mutex with parking_lot's signature: a poisoned lock cannot occur, since fills,
    /// the only foreign code, never run under one.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(model::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(model::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no code panics under an engine lock")
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(model::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(model::sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> model::sync::RwLockReadGuard<'_, T> {
            self.0.read().expect("no code panics under an engine lock")
        }

        pub(crate) fn write(&self) -> model::sync::RwLockWriteGuard<'_, T> {
            self.0.write().expect("no code panics under an engine lock")
        }
    }
}

pub(crate) use imp::*;

/// A value on a cache line of its own, so that neighbours do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);
