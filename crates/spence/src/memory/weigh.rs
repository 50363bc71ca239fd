//! What an entry costs in memory, so that a budget in bytes means bytes.
//!
//! The weight of an entry is what the allocator really hands out for it, plus its share of the
//! pool's tables. Values say what they hold outside of themselves through [`Weigh`]; a type that
//! cannot is cached with `CacheBuilder::weigher`. There is no guess by default: a wrong guess
//! makes a budget of 64 MB hold 84 (docs/decisions/0001-memory-pool.md).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes that a value holds outside of itself: heap allocations, not `size_of::<Self>()`.
///
/// ```
/// use spence::Weigh;
///
/// struct Bars { symbol: String, closes: Vec<f64> }
///
/// impl Weigh for Bars {
///     fn heap_bytes(&self) -> usize {
///         self.symbol.heap_bytes() + self.closes.heap_bytes()
///     }
/// }
///
/// let bars = Bars { symbol: "AAPL".into(), closes: vec![0.0; 90] };
/// assert!(bars.heap_bytes() >= 4 + 90 * 8);
/// ```
pub trait Weigh {
    /// Bytes held outside of the value itself, as the allocator rounds them.
    fn heap_bytes(&self) -> usize;
}

/// What a request of `bytes` takes of the process.
///
/// glibc adds a word to each block and rounds up to 16 bytes, at least 32; blocks of 128 KiB and
/// more are whole pages. Where blocks of many sizes come and go, gaps stay between them that fit
/// none: a tenth of blocks between 4 and 64 KiB, as measured, a thirtieth of others between 512
/// bytes and 128 KiB. Other allocators come close enough for a budget.
#[must_use]
pub const fn allocation(bytes: usize) -> usize {
    const PAGE: usize = 4096;
    match bytes {
        0 => 0,
        1..=24 => 32,
        25..512 => (bytes + 8).next_multiple_of(16),
        PAGE..65_536 => (bytes + bytes / 10 + 8).next_multiple_of(16),
        512..131_072 => (bytes + bytes / 30 + 8).next_multiple_of(16),
        _ => bytes.saturating_add(16).div_ceil(PAGE).saturating_mul(PAGE),
    }
}

macro_rules! weightless {
    ($($type:ty),*) => {$(
        impl Weigh for $type {
            fn heap_bytes(&self) -> usize {
                0
            }
        }
    )*};
}

weightless!((), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
weightless!(f32, f64, &'static str, std::time::Duration);

impl Weigh for String {
    fn heap_bytes(&self) -> usize {
        allocation(self.capacity())
    }
}

impl Weigh for bytes::Bytes {
    fn heap_bytes(&self) -> usize {
        // The block itself, and the shared header that a vector converted to `Bytes` gets.
        allocation(self.len()) + 32
    }
}

impl Weigh for Box<str> {
    fn heap_bytes(&self) -> usize {
        allocation(self.len())
    }
}

impl Weigh for Arc<str> {
    fn heap_bytes(&self) -> usize {
        allocation(self.len() + 16)
    }
}

impl<T: Weigh> Weigh for Vec<T> {
    fn heap_bytes(&self) -> usize {
        let items: usize = self.iter().map(Weigh::heap_bytes).sum();
        allocation(self.capacity() * size_of::<T>()) + items
    }
}

impl<T: Weigh> Weigh for Box<[T]> {
    fn heap_bytes(&self) -> usize {
        let items: usize = self.iter().map(Weigh::heap_bytes).sum();
        allocation(size_of_val::<[T]>(self)) + items
    }
}

impl<T: Weigh> Weigh for Box<T> {
    fn heap_bytes(&self) -> usize {
        allocation(size_of::<T>()) + (**self).heap_bytes()
    }
}

impl<T: Weigh> Weigh for Arc<T> {
    fn heap_bytes(&self) -> usize {
        allocation(size_of::<T>() + 16) + (**self).heap_bytes()
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, Weigh::heap_bytes)
    }
}

impl<T: Weigh, const N: usize> Weigh for [T; N] {
    fn heap_bytes(&self) -> usize {
        self.iter().map(Weigh::heap_bytes).sum()
    }
}

macro_rules! tuples {
    ($(($($item:ident $index:tt),*);)*) => {$(
        impl<$($item: Weigh),*> Weigh for ($($item,)*) {
            fn heap_bytes(&self) -> usize {
                0 $(+ self.$index.heap_bytes())*
            }
        }
    )*};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}

impl<K: Weigh, V: Weigh, S> Weigh for HashMap<K, V, S> {
    fn heap_bytes(&self) -> usize {
        let items: usize = self.iter().map(|(k, v)| k.heap_bytes() + v.heap_bytes()).sum();
        // A power of two of buckets, seven eighths full at most, and a control byte for each.
        let buckets = (self.capacity() * 8 / 7).next_power_of_two();
        allocation(buckets * (size_of::<(K, V)>() + 1)) + items
    }
}

impl<K: Weigh, V: Weigh> Weigh for BTreeMap<K, V> {
    fn heap_bytes(&self) -> usize {
        let items: usize = self.iter().map(|(k, v)| k.heap_bytes() + v.heap_bytes()).sum();
        // Nodes of eleven, two thirds full on average.
        self.len() * (size_of::<(K, V)>() * 3 / 2 + 8) + items
    }
}
