//! What a fill is given and what it gives back.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::cached::Cached;
use crate::entry::Detail;
use crate::error::{Error, ErrorKind};

/// The most tags of an entry.
pub const MAX_TAGS: usize = 32;
/// The longest tag, in bytes.
pub const MAX_TAG_BYTES: usize = 256;

/// What a fill closure is given.
#[derive(Debug, Clone)]
pub struct FillCx<K, V> {
    pub(crate) key: K,
    pub(crate) stale: Option<Cached<V>>,
    pub(crate) deadline: Duration,
}

impl<K, V> FillCx<K, V> {
    /// The key to fetch.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The stale value that is held under the key, if one is.
    pub fn stale(&self) -> Option<&Cached<V>> {
        self.stale.as_ref()
    }

    /// How long the fill may take, from its start.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
}

/// What a fill gives back: a value, or the news that there is none.
///
/// ```
/// use std::time::Duration;
/// use spence::Fill;
///
/// let fill = Fill::new("bars").ttl(Duration::from_secs(300)).tags(["AAPL"]).cost_usd(0.0004);
/// let nothing: Fill<&str> = Fill::not_found();
/// # let _ = (fill, nothing);
/// ```
#[derive(Debug, Clone)]
pub struct Fill<V> {
    pub(crate) value: Option<V>,
    pub(crate) detail: Detail,
}

impl<V> Fill<V> {
    /// A value.
    pub fn new(value: V) -> Self {
        Self { value: Some(value), detail: Detail::default() }
    }

    /// The origin has nothing under this key. Remembered for the policy's negative time to live;
    /// until then the key answers with an error for which `Error::is_not_found` holds. Say this
    /// only when the origin said so: a failed call is an error.
    #[must_use]
    pub fn not_found() -> Self {
        Self { value: None, detail: Detail::default() }
    }

    /// How long this very value is fresh, instead of what the policy says. Kept with the value.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.detail.own_ttl = Some(ttl);
        self
    }

    /// Tags, by any of which the value can be invalidated; at most [`MAX_TAGS`] of at most
    /// [`MAX_TAG_BYTES`] bytes each, or the fill counts as failed.
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.detail.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// What the call cost, in US dollars; kept to a millionth.
    #[must_use]
    pub fn cost_usd(mut self, cost: f64) -> Self {
        self.detail.cost_micro_usd = (cost * 1e6).round().max(0.0) as u64;
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_tags(&self.detail.tags)
    }
}

/// The limits of tags.
pub(crate) fn check_tags(tags: &[Box<str>]) -> Result<(), Error> {
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid(format!("tags: {} given, at most {MAX_TAGS}", tags.len())));
    }
    tags.iter().try_for_each(|tag| check_tag(tag))
}

/// The limits of a tag.
pub(crate) fn check_tag(tag: &str) -> Result<(), Error> {
    match tag.len() {
        0 => Err(Error::invalid("tag: is empty")),
        1..=MAX_TAG_BYTES => Ok(()),
        length => Err(Error::invalid(format!("tag: {length} bytes, at most {MAX_TAG_BYTES}"))),
    }
}

/// Runs a fill; a panic in it becomes an error.
pub(crate) async fn run<T>(fill: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut fill = pin!(fill);
    std::future::poll_fn(|cx| {
        // The fill is never polled again after a panic.
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| fill.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            let message = format!("fill panicked: {text}");
            Poll::Ready(Err(Error::new(ErrorKind::OriginPanicked, message)))
        })
    })
    .await
}
