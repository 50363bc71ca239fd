//! When stock exchanges trade: every session with its opening and its close.
//!
//! | exchange | code (ISO 10383) | years |
//! |---|---|---|
//! | New York Stock Exchange | `XNYS` | 1990 to 2040 |
//! | London Stock Exchange | `XLON` | 1990 to 2040 |
//! | BSE (Bombay) | `XBOM` | 1997 to 2026 |
//!
//! New York and London follow rules (`new_york.rs`, `london.rs`) with days of mourning, weather and
//! jubilees as exceptions; Bombay's holidays follow the moon and are a table. `cargo xtask
//! calendars` compares all of them, day by day, with the exchange_calendars package.
//!
//! What is not in here: auctions, trading after hours, openings that were late, halts within a
//! session, and Bombay's hour of trading on the evening of Diwali.
//!
//! ```
//! use jiff::civil::date;
//! use spence_calendar::ExchangeCalendar;
//!
//! let new_york = ExchangeCalendar::named("XNYS")?;
//! let week = new_york.sessions(date(2024, 11, 25), date(2024, 12, 1))?;
//! let days: Vec<_> = week.iter().map(|session| session.date().day()).collect();
//! assert_eq!(days, [25, 26, 27, 29]);
//! let friday = week.last().unwrap();
//! assert_eq!(friday.close().to_string(), "2024-11-29T18:00:00Z");
//! assert!(friday.is_early_close());
//! # Ok::<_, spence_calendar::CalendarError>(())
//! ```

mod bombay;
mod calendar;
mod error;
mod london;
mod new_york;
mod rules;
mod session;
mod venue;

pub use calendar::{ExchangeCalendar, Moment};
pub use error::CalendarError;
pub use session::Session;
