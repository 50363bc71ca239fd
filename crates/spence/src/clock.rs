//! Time, in the only file that asks the system for it.
//!
//! Three clocks are needed, for three questions:
//! - *Is this entry still fresh?* is asked on every hit, so it must cost next to nothing:
//!   [`Clock::ticks`] reads the coarse monotonic clock (no system call) in steps of 1/64 second.
//! - *When was this entry born?* must mean the same after a restart: [`Clock::unix_ms`].
//! - *How long did the origin take?*: [`Clock::stopwatch`], precise.
//!
//! The monotonic clock stands still while a machine is suspended; [`Clock::refresh`] compares it
//! with the boot-time clock and moves the ticks on, so that nothing stays fresh across a night
//! with the lid closed. A stopped process (SIGSTOP) needs no care: nothing here is cached.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Steps of 1/64 second; [`Ticks::START`] is the moment at which the clock was made.
///
/// 2^31 steps (388 days) lie before it, so that entries that an earlier process stored have a
/// place too. Both ends saturate; an entry at an end is judged by the exact arithmetic of the
/// cold path.
pub(crate) type Ticks = u32;

/// The tick at which a clock starts.
pub(crate) const START: Ticks = 1 << 31;
/// Ticks in a second.
const PER_SECOND: u64 = 64;
const NANOS_PER_TICK: u32 = 1_000_000_000 / PER_SECOND as u32;

/// Whole ticks in `duration`, rounded down: a time to live is never stretched.
pub(crate) fn ticks_in(duration: Duration) -> Ticks {
    let ticks = duration
        .as_secs()
        .saturating_mul(PER_SECOND)
        .saturating_add(u64::from(duration.subsec_nanos() / NANOS_PER_TICK));
    Ticks::try_from(ticks).unwrap_or(Ticks::MAX)
}

/// The length of `ticks`.
pub(crate) fn duration_of(ticks: Ticks) -> Duration {
    let ticks = u64::from(ticks);
    Duration::new(ticks / PER_SECOND, (ticks % PER_SECOND) as u32 * NANOS_PER_TICK)
}

/// The source of time of an engine: the system's, or one that a test moves by hand.
///
/// ```
/// use std::time::Duration;
/// use spence::Clock;
///
/// let (clock, hands) = Clock::manual();
/// let before = clock.unix_ms();
/// hands.advance(Duration::from_secs(90));
/// assert_eq!(clock.unix_ms() - before, 90_000);
/// ```
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System(Arc<SystemClock>),
    Manual(Arc<Hands>),
}

#[derive(Debug)]
struct SystemClock {
    /// Ticks of coarse monotonic time when the clock was made.
    base: u64,
    /// How far boot time was ahead of monotonic time then: earlier suspensions.
    suspended_before: Duration,
    /// Ticks spent suspended since then.
    suspended_ticks: AtomicU32,
    /// How far its wall clock is ahead of the system's, in milliseconds.
    ahead_ms: u64,
}

/// Moves a manual clock.
#[derive(Debug)]
pub struct Hands {
    /// Nanoseconds since the clock was made.
    elapsed: tokio::sync::watch::Sender<u64>,
    /// Unix time in milliseconds when the clock was made; moved by [`Hands::step_wall_clock`].
    wall_base_ms: AtomicU64,
}

/// The system's monotonic time in nanoseconds, which is the same in every process. For tests that
/// compare what several processes have done.
#[must_use]
pub fn monotonic_nanos() -> u64 {
    u64::try_from(read(ClockId::Monotonic).as_nanos()).unwrap_or(u64::MAX)
}

/// The system's clocks, but for a wall clock that is ahead by this many milliseconds, as that of
/// another machine may be. For tests.
#[must_use]
pub fn clock_ahead(ahead_ms: u64) -> Clock {
    Clock::ahead_by(ahead_ms)
}

impl Clock {
    /// The system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self::ahead_by(0)
    }

    fn ahead_by(ahead_ms: u64) -> Self {
        Self(Kind::System(Arc::new(SystemClock {
            ahead_ms,
            base: coarse_ticks(),
            suspended_before: suspended(),
            suspended_ticks: AtomicU32::new(0),
        })))
    }

    /// Processor time that this process has taken so far, on all cores; no clock of one's own
    /// changes it.
    #[must_use]
    pub fn processor_time() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::try_from(time).unwrap_or_default()
    }

    /// A clock that stands at 2020-09-13 12:26:40 UTC until the returned hands move it.
    #[must_use]
    pub fn manual() -> (Self, Arc<Hands>) {
        let hands = Arc::new(Hands {
            elapsed: tokio::sync::watch::Sender::new(0),
            wall_base_ms: AtomicU64::new(1_600_000_000_000),
        });
        (Self(Kind::Manual(Arc::clone(&hands))), hands)
    }

    /// Coarse monotonic time, for deciding freshness.
    #[inline]
    pub(crate) fn ticks(&self) -> Ticks {
        match &self.0 {
            Kind::System(clock) => {
                let since = coarse_ticks().saturating_sub(clock.base);
                let suspended = clock.suspended_ticks.load(Ordering::Relaxed);
                let ticks = u64::from(START) + since + u64::from(suspended);
                Ticks::try_from(ticks).unwrap_or(Ticks::MAX)
            }
            Kind::Manual(hands) => START.saturating_add(ticks_in(hands.elapsed())),
        }
    }

    /// Unix time in milliseconds, from the wall clock, which may jump; up to ten milliseconds
    /// behind, as the system's coarse clock is.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        match &self.0 {
            Kind::System(clock) => {
                let now = u64::try_from(read(ClockId::RealtimeCoarse).as_millis());
                now.unwrap_or(u64::MAX).saturating_add(clock.ahead_ms)
            }
            Kind::Manual(hands) => {
                let elapsed = u64::try_from(hands.elapsed().as_millis()).unwrap_or(u64::MAX);
                hands.wall_base_ms.load(Ordering::Relaxed).saturating_add(elapsed)
            }
        }
    }

    /// Starts measuring.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the file that asks the system")]
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch(match &self.0 {
            Kind::System(_) => Started::System(Instant::now()),
            Kind::Manual(hands) => Started::Manual(Arc::clone(hands), hands.elapsed()),
        })
    }

    /// Waits. May be dropped at any time.
    #[expect(clippy::disallowed_methods, reason = "this is the file that asks the system")]
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Kind::System(_) => tokio::time::sleep(duration).await,
            Kind::Manual(hands) => {
                let now = *hands.elapsed.borrow();
                let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
                let due = now.saturating_add(nanos);
                let mut elapsed = hands.elapsed.subscribe();
                // The hands outlive this borrow, so the channel cannot be closed.
                if elapsed.wait_for(|now| *now >= due).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Runs `work` for at most `limit`; `None` when the time was up first.
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut limit = pin!(self.sleep(limit));
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            limit.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Whether it is not one that is moved by hand; then somebody must call [`Clock::refresh`] now
    /// and then.
    pub(crate) fn is_the_systems(&self) -> bool {
        matches!(self.0, Kind::System(_))
    }

    /// Notices time spent suspended and moves the ticks on by it.
    pub(crate) fn refresh(&self) {
        if let Kind::System(clock) = &self.0 {
            let new = ticks_in(suspended().saturating_sub(clock.suspended_before));
            clock.suspended_ticks.fetch_max(new, Ordering::Relaxed);
        }
    }
}

/// Measures how long something takes.
#[derive(Debug, Clone)]
pub struct Stopwatch(Started);

#[derive(Debug, Clone)]
enum Started {
    System(Instant),
    Manual(Arc<Hands>, Duration),
}

impl Stopwatch {
    /// The time since it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Started::System(then) => then.elapsed(),
            Started::Manual(hands, then) => hands.elapsed().saturating_sub(*then),
        }
    }
}

impl Hands {
    /// Moves monotonic and wall time on, and wakes what slept until then.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed.send_modify(|elapsed| *elapsed = elapsed.saturating_add(nanos));
    }

    /// Moves the wall clock alone, as an operator or NTP does; negative moves it back.
    pub fn step_wall_clock(&self, by_ms: i64) {
        let base = self.wall_base_ms.load(Ordering::Relaxed);
        self.wall_base_ms.store(base.saturating_add_signed(by_ms), Ordering::Relaxed);
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(*self.elapsed.borrow())
    }
}

/// Ticks of coarse monotonic time.
#[inline]
fn coarse_ticks() -> u64 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    time.tv_sec as u64 * PER_SECOND + u64::from(time.tv_nsec as u32 / NANOS_PER_TICK)
}

fn read(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Time that the machine has spent suspended since it was started.
fn suspended() -> Duration {
    let monotonic = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(monotonic)
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn durations_round_down_to_ticks_and_saturate() {
        let check = |millis, ticks| assert_eq!(ticks_in(Duration::from_millis(millis)), ticks);
        check(0, 0);
        check(15, 0);
        check(16, 1);
        check(1_000, 64);
        check(60_000, 3_840);
        check(u64::MAX, Ticks::MAX);
        assert_eq!(duration_of(ticks_in(Duration::from_secs(90))), Duration::from_secs(90));
    }

    #[test]
    fn the_system_clock_moves_forward_from_its_start() {
        let clock = Clock::system();
        let first = clock.ticks();
        assert!((START..START + 640).contains(&first));
        clock.refresh();
        assert!(clock.ticks() >= first);
    }

    #[tokio::test]
    async fn a_manual_sleep_ends_when_the_hands_reach_it() {
        let (clock, hands) = Clock::manual();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.timeout(Duration::from_secs(5), std::future::pending::<()>()).await }
        });
        tokio::task::yield_now().await;
        hands.advance(Duration::from_secs(4));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hands.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap(), None);
    }
}
