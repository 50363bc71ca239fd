//! The client of a Massive/Polygon-compatible API.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use spence::Clock;

use crate::answer::{bars_in, brief, check};
use crate::bars::{BarKey, Bars};
use crate::call::{Caller, Patience, now};
use crate::error::ProviderError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From when on bars are asked for: before any provider's first.
const BEGINNING: &str = "1970-01-01";
/// More pages than this are no answer.
const MAX_PAGES: usize = 1000;

/// A client of one provider with one key.
#[derive(Clone)]
pub struct Provider {
    caller: Caller,
    new_york: TimeZone,
}

impl Provider {
    /// A client of the API at `base_url`, such as `https://api.massive.com`.
    ///
    /// # Errors
    /// [`ProviderError::Setup`] when no HTTP client can be made.
    pub fn new(base_url: &str, api_key: Option<&str>) -> Result<Self, ProviderError> {
        install_tls();
        let setup = |error: &dyn std::fmt::Display| ProviderError::Setup(error.to_string());
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Whoever answers in the provider's stead is not the provider.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("spence/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| setup(&error))?;
        let new_york = TimeZone::get("America/New_York").map_err(|error| setup(&error))?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        let caller = Caller::new(http, base_url, api_key.map(str::to_owned));
        Ok(Self { caller, new_york })
    }

    /// Makes at most so many calls a minute with this key, whoever makes them in this process;
    /// what is not used one moment may be used the next, up to a minute's.
    #[must_use]
    pub fn calls_per_minute(mut self, calls: NonZeroU32) -> Self {
        self.caller.limit(calls);
        self
    }

    /// Where the provider is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.caller.base_url()
    }

    /// The bars that `key` asks for; `None` if the provider has none. One call if it gives them on
    /// one page, and if it answers at once: a call that may well succeed the next time is made
    /// again, until `deadline` has passed.
    ///
    /// # Errors
    /// Why there is no answer: the last call's error.
    pub async fn daily_bars(
        &self,
        key: &BarKey,
        clock: &Clock,
        deadline: Duration,
    ) -> Result<Option<Bars>, ProviderError> {
        let patience = Patience::new(clock, deadline);
        let end = key.end().unwrap_or_else(|| self.tomorrow(clock));
        let (symbol, wanted) = (encode(key.symbol().as_str()), key.bars() as usize);
        let mut path = format!(
            "/v2/aggs/ticker/{symbol}/range/1/day/{BEGINNING}/{end}\
             ?adjusted=false&sort=desc&limit={wanted}"
        );
        // By session: a row that comes twice is one bar.
        let mut bars = BTreeMap::new();
        for _ in 0..MAX_PAGES {
            let (next, page) = self
                .caller
                .call(&path, &patience, |answer| {
                    check(&answer, key)?;
                    let next = answer.next_url.as_deref().map(path_and_query).transpose()?;
                    Ok((next, bars_in(answer, end, &self.new_york)?))
                })
                .await?;
            let Some(page) = page else { break };
            for bar in page {
                bars.entry(bar.date).or_insert(bar);
            }
            match next {
                Some(next) if bars.len() < wanted => path = next,
                _ => break,
            }
        }
        let bars: Vec<_> = bars.into_values().collect();
        Ok((!bars.is_empty()).then(|| Bars::new(bars).most_recent(wanted)))
    }

    /// A date that no session in New York is after.
    fn tomorrow(&self, clock: &Clock) -> Date {
        let today = now(clock).to_zoned(self.new_york.clone()).date();
        today.checked_add(1.day()).unwrap_or(today)
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

/// The path and query of where the next page is: the provider's own host may be another, and it
/// leaves out the key.
fn path_and_query(url: &str) -> Result<String, ProviderError> {
    let malformed = || ProviderError::Malformed(format!("next_url: {}", brief(url)));
    let (_, rest) = url.split_once("://").ok_or_else(malformed)?;
    let at = rest.find('/').ok_or_else(malformed)?;
    rest.get(at..).map(str::to_owned).ok_or_else(malformed)
}

/// A symbol as one segment of a path.
fn encode(symbol: &str) -> String {
    let mut path = String::new();
    for byte in symbol.bytes() {
        match byte {
            b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b':' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// Tells rustls which cryptography to use; needed once in a process, before its first HTTP client
/// is made. [`Provider::new`] does it; others that make clients call it themselves.
pub fn install_tls() {
    static ONCE: OnceLock<()> = OnceLock::new();
    // If somebody else has chosen already, their choice is as good.
    ONCE.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}
