//! What a fill is given and what it gives back.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinError;

use crate::cached::Cached;
use crate::entry::Detail;
use crate::envelope::Validator;
use crate::error::{Error, ErrorKind};

/// The most tags of an entry.
pub const MAX_TAGS: usize = 32;
/// The longest tag, in bytes.
pub const MAX_TAG_BYTES: usize = 256;

/// The longest ETag or Last-Modified that is kept, in bytes.
pub const MAX_VALIDATOR_BYTES: usize = 256;

/// What a fill closure is given.
#[derive(Debug, Clone)]
pub struct FillCx<K, V> {
    pub(crate) key: K,
    pub(crate) stale: Option<Cached<V>>,
    pub(crate) validator: Validator,
    pub(crate) deadline: Duration,
}

impl<K, V> FillCx<K, V> {
    /// The key to fetch.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value that is held under the key, if one is: stale, or fresh still if this is an eager
    /// refresh.
    pub fn stale(&self) -> Option<&Cached<V>> {
        self.stale.as_ref()
    }

    /// The ETag of the stale value, to be sent as `If-None-Match`; if the origin then says that
    /// nothing has changed, answer [`Fill::not_modified`].
    pub fn etag(&self) -> Option<&str> {
        match &self.validator {
            Validator::ETag(tag) => Some(tag),
            Validator::None | Validator::LastModified(_) => None,
        }
    }

    /// When the stale value was last modified, to be sent as `If-Modified-Since`; as for
    /// [`FillCx::etag`].
    pub fn last_modified(&self) -> Option<&str> {
        match &self.validator {
            Validator::LastModified(date) => Some(date),
            Validator::None | Validator::ETag(_) => None,
        }
    }

    /// How long the fill may take, from its start.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
}

/// What a fill gives back: a value, the news that there is none, or that it has not changed.
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
    pub(crate) body: Body<V>,
    pub(crate) detail: Detail,
    pub(crate) store: bool,
}

/// What came from the origin.
#[derive(Debug, Clone)]
pub(crate) enum Body<V> {
    Value(V),
    Nothing,
    /// The value that the fill was given as stale.
    NotModified,
}

impl<V> Fill<V> {
    fn of(body: Body<V>) -> Self {
        Self { body, detail: Detail::default(), store: true }
    }

    /// A value.
    pub fn new(value: V) -> Self {
        Self::of(Body::Value(value))
    }

    /// The origin has nothing under this key. Remembered for the policy's negative time to live;
    /// until then the key answers with an error for which `Error::is_not_found` holds. Say this
    /// only when the origin said so: a failed call is an error.
    #[must_use]
    pub fn not_found() -> Self {
        Self::of(Body::Nothing)
    }

    /// The origin says that the value of [`FillCx::stale`] is the value still: it is fresh again
    /// from now on, with its tags, cost and validator unless new ones are given here. Without
    /// a stale value the fill counts as failed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
    /// # let spence = spence::Spence::builder().build().await?;
    /// # let pages: spence::Cache<String, String> = spence.cache("pages").build()?;
    /// use spence::{Error, Fill, FillCx};
    ///
    /// /// Stands for a call with `If-None-Match`; `None` stands for 304.
    /// async fn call(etag: Option<&str>) -> Option<(String, &'static str)> {
    ///     (etag != Some("v1")).then(|| ("body".to_owned(), "v1"))
    /// }
    ///
    /// let fetch = |cx: FillCx<String, String>| async move {
    ///     Ok::<_, Error>(match call(cx.etag()).await {
    ///         Some((body, etag)) => Fill::new(body).etag(etag),
    ///         None => Fill::not_modified(),
    ///     })
    /// };
    /// pages.get_or_fetch(&"/".to_owned(), fetch).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn not_modified() -> Self {
        Self::of(Body::NotModified)
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

    /// The origin's ETag, which the next fill of the key is given. At most
    /// [`MAX_VALIDATOR_BYTES`] bytes, or it is not kept.
    #[must_use]
    pub fn etag(mut self, etag: impl Into<String>) -> Self {
        self.detail.validator = within_bounds(etag.into(), Validator::ETag);
        self
    }

    /// The origin's Last-Modified, instead of an ETag; as for [`Fill::etag`].
    #[must_use]
    pub fn last_modified(mut self, date: impl Into<String>) -> Self {
        self.detail.validator = within_bounds(date.into(), Validator::LastModified);
        self
    }

    /// Hands the value to those who wait for it and keeps it nowhere; what was held under the key
    /// is gone, since this is newer.
    #[must_use]
    pub fn no_store(mut self) -> Self {
        self.store = false;
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_tags(&self.detail.tags)
    }
}

fn within_bounds(text: String, validator: fn(String) -> Validator) -> Validator {
    if text.len() <= MAX_VALIDATOR_BYTES { validator(text) } else { Validator::None }
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
        1..=MAX_TAG_BYTES => match tag.chars().find(|c| c.is_control()) {
            Some(control) => Err(Error::invalid(format!("tag: contains {control:?}"))),
            None => Ok(()),
        },
        length => Err(Error::invalid(format!("tag: {length} bytes, at most {MAX_TAG_BYTES}"))),
    }
}

/// Runs a fill; a panic in it becomes an error.
pub(crate) async fn run<T>(fill: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut fill = pin!(fill);
    std::future::poll_fn(|cx| {
        // The fill is never polled again after a panic.
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| fill.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
    })
    .await
}

/// The error of a fill whose thread has ended without an answer.
pub(crate) fn ended(end: JoinError) -> Error {
    match end.try_into_panic() {
        Ok(panic) => panicked(&*panic),
        Err(_) => Error::new(ErrorKind::Closed, "the runtime is closing"),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::OriginPanicked, format!("fill panicked: {text}"))
}
