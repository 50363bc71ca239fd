//! Splits and dividends.

use jiff::civil::Date;

/// More shares for each share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The first session at the new price.
    pub date: Date,
    /// New shares for each old one.
    pub ratio: f64,
}

/// Cash for each share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dividend {
    /// The first session without it.
    pub date: Date,
    /// US dollars a share, not adjusted for later splits.
    pub cash: f64,
}
