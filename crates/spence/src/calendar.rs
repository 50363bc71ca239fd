//! When new data can exist: the sessions of a market, as far as a time to live needs them.

/// The sessions of a market. `spence-market` brings the exchanges'; anyone may bring another.
///
/// ```
/// use spence::{Calendar, Phase};
///
/// /// Open in every even hour of Unix time.
/// struct EvenHours;
///
/// impl Calendar for EvenHours {
///     fn phase(&self, unix_ms: u64) -> Option<Phase> {
///         let hour = unix_ms / 3_600_000;
///         Some(Phase { open: hour % 2 == 0, until_ms: (hour + 1) * 3_600_000 })
///     }
/// }
///
/// assert_eq!(EvenHours.phase(3_600_000), Some(Phase { open: false, until_ms: 7_200_000 }));
/// ```
pub trait Calendar: Send + Sync + 'static {
    /// The phase in which a moment lies, given in milliseconds of Unix time. `None` outside of the
    /// years that the calendar knows; the time to live is then the one for an open market.
    fn phase(&self, unix_ms: u64) -> Option<Phase>;
}

/// A stretch of time through which a market is open, or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// Whether trading is on.
    pub open: bool,
    /// The moment in milliseconds of Unix time at which it ends: the close, or the next open.
    /// What was fetched before it is not fresh after it.
    pub until_ms: u64,
}
