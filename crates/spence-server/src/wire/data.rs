//! Data of every type as JSON.

use serde::Serialize;
use spence_market::{Dividend, Finding, IntradayBar, MarketStatus, Observation, Rows, SplitAction};
use utoipa::ToSchema;

use crate::wire::BarBody;

/// An answer of `/api/v1/market/data`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataBody {
    pub(crate) data_type: &'static str,
    /// Of whom; absent for types that are not about a ticker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ticker: Option<String>,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) frequency: String,
    /// What a row says, with its unit.
    pub(crate) of: &'static str,
    /// Whether the rows can change no more.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    /// Of published figures, the day on which they were known so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) known_on: Option<String>,
    /// `memory`, `disk`, `redis` or `origin`: the farthest that was gone to.
    pub(crate) source: &'static str,
    /// `fresh`, `stale` or `unverified`.
    pub(crate) freshness: &'static str,
    /// Why stale rows are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stale_reason: Option<String>,
    pub(crate) age_seconds: u64,
    pub(crate) count: usize,
    /// Oldest first.
    pub(crate) rows: Vec<RowBody>,
}

/// A row, by type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum RowBody {
    Bar(BarBody),
    Intraday(IntradayBody),
    Split(SplitBody),
    Dividend(DividendBody),
    Value(ValueBody),
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IntradayBody {
    /// The moment with which it begins, in UTC.
    time: String,
    #[serde(flatten)]
    bar: BarBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SplitBody {
    /// The first day at the new price.
    date: String,
    /// Old shares.
    from: f64,
    /// New shares.
    to: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DividendBody {
    /// The first day without it.
    date: String,
    cash: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValueBody {
    date: String,
    /// `null` where the provider has none.
    value: Option<f64>,
}

/// An answer of `/api/v1/market/quality`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QualityBody {
    pub(crate) symbol: String,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) sessions: usize,
    pub(crate) bars: usize,
    /// Whether the bars can change no more.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    /// In the order of days.
    pub(crate) findings: Vec<FindingBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingBody {
    date: String,
    /// `missing`, `quarantined`, `crossed`, `jump` or `split_unseen`.
    flaw: &'static str,
    message: String,
}

impl From<&Finding> for FindingBody {
    fn from(Finding { date, flaw }: &Finding) -> Self {
        Self { date: date.to_string(), flaw: flaw.as_str(), message: flaw.to_string() }
    }
}

/// An answer of `/api/v1/market/status`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusBody {
    /// The exchange whose sessions count.
    pub(crate) exchange: &'static str,
    /// Whether a session goes on, by the calendar.
    pub(crate) open: bool,
    /// The newest session that has begun.
    pub(crate) session: Option<String>,
    /// When the next one opens, in UTC.
    pub(crate) next_open: Option<String>,
    /// `open`, `closed` or `extended-hours`, as the provider says, at most a minute ago.
    pub(crate) provider: Option<String>,
    /// The provider's clock then.
    pub(crate) provider_time: Option<String>,
    /// Whether the provider says otherwise than the calendar.
    pub(crate) disagree: bool,
    /// Why the provider says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl From<&MarketStatus> for StatusBody {
    fn from(status: &MarketStatus) -> Self {
        let told = status.told.as_ref().ok();
        Self {
            exchange: "XNYS",
            open: status.is_open,
            session: status.session.map(|day| day.to_string()),
            next_open: status.next_open.map(|moment| moment.to_string()),
            provider: told.map(|told| told.market.clone()),
            provider_time: told.map(|told| told.server_time.clone()),
            disagree: status.disagrees(),
            error: status.told.as_ref().err().map(ToString::to_string),
        }
    }
}

/// A type of data, as `/api/v1/market/types` lists it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TypeBody {
    pub(crate) data_type: &'static str,
    /// `ticker` or `economy`.
    pub(crate) about: &'static str,
    pub(crate) of: &'static str,
    pub(crate) computed: bool,
    /// Who is asked, in this order; of what is computed nobody.
    pub(crate) providers: Vec<String>,
}

impl RowBody {
    pub(crate) fn all(rows: &Rows) -> Vec<Self> {
        match rows {
            Rows::Bars(bars) => bars.iter().map(|bar| Self::Bar(bar.into())).collect(),
            Rows::Intraday(bars) => bars.iter().map(Self::intraday).collect(),
            Rows::Splits(splits) => splits.iter().map(Self::split).collect(),
            Rows::Dividends(dividends) => dividends.iter().map(Self::dividend).collect(),
            Rows::Values(values) => values.iter().map(Self::value).collect(),
        }
    }

    fn intraday(one: &IntradayBar) -> Self {
        Self::Intraday(IntradayBody { time: one.start.to_string(), bar: (&one.bar).into() })
    }

    fn split(one: &SplitAction) -> Self {
        Self::Split(SplitBody { date: one.date.to_string(), from: one.from, to: one.to })
    }

    fn dividend(one: &Dividend) -> Self {
        Self::Dividend(DividendBody { date: one.date.to_string(), cash: one.cash })
    }

    fn value(one: &Observation) -> Self {
        let value = one.value.is_finite().then_some(one.value);
        Self::Value(ValueBody { date: one.date.to_string(), value })
    }
}
