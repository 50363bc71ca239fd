//! A question for data.

use jiff::civil::Date;

use crate::data::{DataType, Frequency, Subject};
use crate::date::parse_date;
use crate::symbol::Symbol;

/// The years that data may be asked for of: no provider has anything before.
const YEARS: std::ops::RangeInclusive<i16> = 1776..=2199;

/// A question for data of one type, from one day to another, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataQuestion {
    /// Of which type.
    pub data_type: DataType,
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Date,
    /// Of whom, if the type is about a ticker.
    pub ticker: Option<Symbol>,
    /// How often there is to be a row.
    pub frequency: Frequency,
    /// What only some types take.
    pub params: Params,
}

/// What only some types take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params {
    /// `vintage`, of published figures: as they were known on this day.
    pub vintage: Option<Date>,
    /// `method`: how returns are compounded, or over which time prices rise.
    pub method: Method,
    /// `index`, of INFLATION_RATE: CPI_INDEX (the default) or PCE_INDEX.
    pub index: Option<DataType>,
    /// Only the last so many rows are wanted, as far as the provider can tell.
    pub(crate) last: Option<usize>,
}

/// `method`, of TOTAL_RETURN and INFLATION_RATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// What a type does if nothing is said: `simple` or `yoy`.
    #[default]
    Usual,
    /// `simple`: the gain from the session before.
    Simple,
    /// `log`: the natural logarithm of one and the gain from the session before.
    Log,
    /// `cumulative`: the gain from the first session asked for.
    Cumulative,
    /// `yoy`: the rise from the same month of the year before.
    YearOverYear,
    /// `mom`: the rise from the month before.
    MonthOverMonth,
}

/// Which argument cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidData {
    /// `data_type`, `ticker`, `start`, `end`, `frequency`, or the name of a parameter.
    pub field: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl InvalidData {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl DataQuestion {
    /// Reads the arguments of a question: `data_type` as in CPI_INDEX, days as YYYY-MM-DD,
    /// `frequency` as in `daily` or `5m`, `params` by name.
    ///
    /// # Errors
    /// The first argument that cannot be used, and why.
    pub fn new<'a>(
        data_type: &str,
        start: &str,
        end: &str,
        ticker: Option<&str>,
        frequency: &str,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidData> {
        let data_type: DataType =
            data_type.parse().map_err(|error| InvalidData::new("data_type", error))?;
        let (end, start) = (day("end", end)?, day("start", start)?);
        if end < start {
            let message = format!("{end} is before start, {start}");
            return Err(InvalidData::new("end", message));
        }
        let ticker = match (data_type.subject(), ticker) {
            (Subject::Ticker, Some(text)) => {
                let wrong = |error: crate::symbol::InvalidSymbol| {
                    InvalidData::new("ticker", error.to_string())
                };
                Some(Symbol::new(text).map_err(wrong)?)
            }
            (Subject::Economy, None) => None,
            (Subject::Ticker, None) => {
                let message = format!("is missing; {data_type} is about one, such as AAPL");
                return Err(InvalidData::new("ticker", message));
            }
            (Subject::Economy, Some(_)) => {
                let message = format!("{data_type} is not about a ticker; leave it out");
                return Err(InvalidData::new("ticker", message));
            }
        };
        let frequency: Frequency =
            frequency.parse().map_err(|error| InvalidData::new("frequency", error))?;
        if frequency != Frequency::Daily && data_type != DataType::Ohlcv {
            let message = format!("{frequency}: only OHLCV has bars within the day");
            return Err(InvalidData::new("frequency", message));
        }
        let params = Params::read(data_type, params)?;
        Ok(Self { data_type, start, end, ticker, frequency, params })
    }
}

impl Params {
    fn read<'a>(
        data_type: DataType,
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidData> {
        let mut params = Self::default();
        for (name, value) in given {
            match (name, data_type) {
                ("method", DataType::TotalReturn) => {
                    let methods = [
                        ("simple", Method::Simple),
                        ("log", Method::Log),
                        ("cumulative", Method::Cumulative),
                    ];
                    params.method = one_of(name, value, &methods)?;
                }
                ("method", DataType::InflationRate) => {
                    let methods = [("yoy", Method::YearOverYear), ("mom", Method::MonthOverMonth)];
                    params.method = one_of(name, value, &methods)?;
                }
                ("index", DataType::InflationRate) => {
                    let indices = [DataType::CpiIndex, DataType::PceIndex];
                    let indices = indices.map(|index| (index.as_str(), index));
                    params.index = Some(one_of(name, value, &indices)?);
                }
                ("vintage", _) if data_type.subject() == Subject::Economy => {
                    params.vintage = Some(day(name, value)?);
                }
                _ => {
                    let name: String = name.chars().take(30).collect();
                    let allowed = match data_type {
                        DataType::TotalReturn => "method",
                        DataType::InflationRate => "method, index and vintage",
                        _ if data_type.subject() == Subject::Economy => "vintage",
                        _ => "none",
                    };
                    let message = format!("is no parameter of {data_type}; it takes {allowed}");
                    return Err(InvalidData::new(name, message));
                }
            }
        }
        Ok(params)
    }
}

fn one_of<T: Copy>(name: &str, value: &str, known: &[(&str, T)]) -> Result<T, InvalidData> {
    let found = known.iter().find(|(text, _)| text.eq_ignore_ascii_case(value));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(text, _)| *text).collect();
        let value: String = value.chars().take(20).collect();
        InvalidData::new(name, format!("`{value}`, expected {}", names.join(" or ")))
    })
}

fn day(name: &str, text: &str) -> Result<Date, InvalidData> {
    let date = parse_date(text).filter(|date| YEARS.contains(&date.year()));
    date.ok_or_else(|| {
        let text: String = text.chars().take(20).collect();
        let message = format!("`{text}` is not a date such as 2012-06-29, from 1776 to 2199");
        InvalidData::new(name, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_the_name_of_its_argument() {
        let ask =
            |data_type, start, end, ticker, frequency, params: &[(&'static str, &'static str)]| {
                DataQuestion::new(data_type, start, end, ticker, frequency, params.iter().copied())
            };
        let (from, to) = ("2024-01-01", "2024-06-30");
        assert!(ask("ohlcv", from, to, Some("aapl"), "5m", &[]).is_ok());
        assert!(ask("CPI_INDEX", from, to, None, "daily", &[("vintage", to)]).is_ok());
        assert!(ask("INFLATION_RATE", from, to, None, "1d", &[("index", "pce_index")]).is_ok());
        let field = |asked: Result<DataQuestion, InvalidData>| asked.unwrap_err().to_string();
        for (asked, expected) in [
            (ask("NOSUCH", from, to, None, "daily", &[]), "data_type: `NOSUCH` is no type of data"),
            (ask("OHLCV", to, from, Some("A"), "daily", &[]), "end: 2024-01-01 is before start"),
            (ask("OHLCV", "2024-02-30", to, Some("A"), "daily", &[]), "start: `2024-02-30` is not"),
            (ask("OHLCV", from, "soon", Some("A"), "daily", &[]), "end: `soon` is not a date"),
            (ask("OHLCV", from, to, None, "daily", &[]), "ticker: is missing"),
            (ask("OHLCV", from, to, Some("A B"), "daily", &[]), "ticker: symbol \"A B\""),
            (ask("SOFR", from, to, Some("A"), "daily", &[]), "ticker: SOFR is not about a ticker"),
            (ask("OHLCV", from, to, Some("A"), "2m", &[]), "frequency: `2m` is no frequency"),
            (ask("DIVIDEND", from, to, Some("A"), "5m", &[]), "frequency: 5m: only OHLCV"),
            (ask("SOFR", from, to, None, "daily", &[("method", "log")]), "method: is no parameter"),
            (
                ask("TOTAL_RETURN", from, to, Some("A"), "daily", &[("method", "yoy")]),
                "method: `yoy`, expected simple or log or cumulative",
            ),
        ] {
            let shown = field(asked);
            assert!(shown.starts_with(expected), "{shown}");
        }
    }
}
