//! Types of data.

use std::fmt;
use std::str::FromStr;

/// What a type of data is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One ticker.
    Ticker,
    /// The economy of the United States.
    Economy,
}

macro_rules! data_types {
    ($($(#[$doc:meta])* $name:ident $text:literal $subject:ident $of:literal,)*) => {
        /// A type of data. Its name, as in `CPI_INDEX`, is also that of its cache and policy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DataType {
            $($(#[$doc])* $name,)*
        }

        impl DataType {
            /// All of them.
            pub const ALL: &[DataType] = &[$(DataType::$name),*];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(DataType::$name => $text,)*
                }
            }

            /// What it is about.
            #[must_use]
            pub fn subject(self) -> Subject {
                match self {
                    $(DataType::$name => Subject::$subject,)*
                }
            }

            /// What a row says, with its unit.
            #[must_use]
            pub fn of(self) -> &'static str {
                match self {
                    $(DataType::$name => $of,)*
                }
            }
        }
    };
}

data_types! {
    /// Bars of a ticker: by day, or within the regular session.
    Ohlcv "OHLCV" Ticker "bars, unadjusted; prices in the quote currency, volume in shares",
    /// The close, adjusted for all splits and dividends up to now; computed.
    AdjustedClose "ADJUSTED_CLOSE" Ticker "the close adjusted for splits and dividends up to now",
    /// Cash dividends of a ticker, by ex-date.
    Dividend "DIVIDEND" Ticker "cash a share, as it was paid, by ex-date",
    /// Splits of a ticker, by the first day at the new price.
    Split "SPLIT" Ticker "new shares for old ones, by the first day at the new price",
    /// The consumer price index, by the month that it is about.
    CpiIndex "CPI_INDEX" Economy "the consumer price index",
    /// The price index of personal consumption expenditures, by the month that it is about.
    PceIndex "PCE_INDEX" Economy "the price index of personal consumption",
    /// The yield of the Treasury at three months.
    Treasury3M "TREASURY_3M" Economy "yield at 3 months, per cent a year",
    /// The yield of the Treasury at six months.
    Treasury6M "TREASURY_6M" Economy "yield at 6 months, per cent a year",
    /// The yield of the Treasury at one year.
    Treasury1Y "TREASURY_1Y" Economy "yield at 1 year, per cent a year",
    /// The yield of the Treasury at two years.
    Treasury2Y "TREASURY_2Y" Economy "yield at 2 years, per cent a year",
    /// The yield of the Treasury at five years.
    Treasury5Y "TREASURY_5Y" Economy "yield at 5 years, per cent a year",
    /// The yield of the Treasury at ten years.
    Treasury10Y "TREASURY_10Y" Economy "yield at 10 years, per cent a year",
    /// The yield of the Treasury at thirty years.
    Treasury30Y "TREASURY_30Y" Economy "yield at 30 years, per cent a year",
    /// The effective federal funds rate.
    FedFunds "FED_FUNDS" Economy "effective rate, per cent a year",
    /// The secured overnight financing rate.
    Sofr "SOFR" Economy "rate, per cent a year",
    /// What a holder of a ticker has gained, dividends included; computed.
    TotalReturn "TOTAL_RETURN" Ticker "gain with dividends, as a fraction: 0.01 is one per cent",
    /// By how much prices have risen; computed.
    InflationRate "INFLATION_RATE" Economy "rise of the price index, per cent",
}

impl DataType {
    /// Whether it is computed from other types, not fetched.
    #[must_use]
    pub fn is_computed(self) -> bool {
        matches!(self, DataType::AdjustedClose | DataType::TotalReturn | DataType::InflationRate)
    }

    /// Whether it is a series of figures about the economy that a provider has.
    pub(crate) fn is_published(self) -> bool {
        self.subject() == Subject::Economy && !self.is_computed()
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DataType {
    type Err = String;

    /// Reads a name in either case; the error lists those that there are.
    fn from_str(text: &str) -> Result<Self, String> {
        let same = |known: &&DataType| known.as_str().eq_ignore_ascii_case(text);
        Self::ALL.iter().find(same).copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
            let text: String = text.chars().take(30).collect();
            format!("`{text}` is no type of data; there are {}", names.join(", "))
        })
    }
}
