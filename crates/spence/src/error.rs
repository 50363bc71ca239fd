//! The one public error: opaque, cheap to clone, with a kind to match on and the cause attached.
//!
//! It is cloneable because one failed fill is handed to every caller that waited for it.
//! A failing tier is not an error: it becomes a miss and a counter.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// What went wrong, in the terms of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The fill returned an error; [`Error::downcast_ref`] gives it back.
    Origin,
    /// The fill panicked, or its task was dropped before it ended.
    OriginPanicked,
    /// The fill took longer than the policy's hard deadline.
    Deadline,
    /// The origin said that there is nothing under this key (now or at an earlier call).
    NotFound,
    /// An argument cannot be used: a name, key, tag or setting outside its limits.
    InvalidArgument,
    /// A cache of this name exists already with another key or value type, or schema.
    Conflict,
    /// A tier could not record what the caller asked to be recorded.
    Storage,
    /// The engine was closed, or the runtime that it was built on has ended.
    Closed,
}

impl ErrorKind {
    /// The kind as one lower-case word, as used in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Origin => "origin",
            ErrorKind::OriginPanicked => "origin_panicked",
            ErrorKind::Deadline => "deadline",
            ErrorKind::NotFound => "not_found",
            ErrorKind::InvalidArgument => "invalid_argument",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Storage => "storage",
            ErrorKind::Closed => "closed",
        }
    }
}

/// Any error that a caller is told about.
///
/// ```
/// use spence::{Error, ErrorKind};
///
/// let error = Error::origin(std::io::Error::other("connection reset"));
/// assert_eq!(error.kind(), ErrorKind::Origin);
/// assert!(error.downcast_ref::<std::io::Error>().is_some());
/// assert_eq!(error.to_string(), "origin failed: connection reset");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: None }))
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: Some(source.into()) }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// There is nothing of what was asked for, says whoever knows.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The error of a fill. An `Error` of this crate passes through unchanged, so that a cache
    /// filled from another cache does not wrap it twice.
    pub fn origin(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match source.into().downcast::<Error>() {
            Ok(own) => *own,
            Err(source) => {
                let message = format!("origin failed: {source}");
                Self::with_source(ErrorKind::Origin, message, source)
            }
        }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the origin said that there is nothing under this key.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the fill took longer than the policy's hard deadline.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        self.kind() == ErrorKind::Deadline
    }

    /// The fill's own error, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.source.as_deref()?.downcast_ref::<E>()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The message already contains its direct cause.
        self.0.source.as_deref()?.source()
    }
}
