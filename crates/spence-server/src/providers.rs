//! Whom data come from, as the settings say.

use std::time::Duration;

use spence_config::{MarketSettings, ProviderKind, ProviderSettings, Secret, Settings};
use spence_feed::{Feed, FeedOptions};
use spence_market::{DataType, Fred, Provider, ProviderError, Providers};

use crate::app::StartError;

/// How long each answer of the built-in demo feed takes.
const DEMO_LATENCY: Duration = Duration::from_millis(50);
/// What data from the demo feed are stored as: they are never taken for a provider's.
const DEMO: &str = "demo-feed";
/// The name of the provider of `market`.
const MARKET: &str = "market";

/// Where data come from.
#[derive(Debug)]
pub enum Origin {
    /// The built-in feed, since no provider is set.
    DemoFeed(Feed),
    /// Providers: their names and base URLs.
    Providers(Vec<(String, String)>),
}

/// Starts the demo feed if there is no provider.
pub(crate) async fn start(settings: &Settings) -> Result<(Origin, Providers), StartError> {
    let Settings { market, providers: others, .. } = settings;
    if market.base_url.is_none() && others.is_empty() {
        let options = FeedOptions { latency: DEMO_LATENCY, ..FeedOptions::default() };
        let anywhere = ([127, 0, 0, 1], 0).into();
        let feed = Feed::start(anywhere, options).await.map_err(StartError::DemoFeed)?;
        let (massive, fred) =
            (massive(market, &feed.base_url())?, Fred::new(&feed.base_url(), None)?);
        let providers = Providers::default()
            .with_origin(MARKET, &all_of(ProviderKind::Massive), massive, DEMO)
            .with_origin("fred", &all_of(ProviderKind::Fred), fred, DEMO);
        return Ok((Origin::DemoFeed(feed), providers));
    }
    let (mut providers, mut named) = (Providers::default(), Vec::new());
    if let Some(url) = &market.base_url {
        let serves = all_of(ProviderKind::Massive);
        providers = providers.with(MARKET, &serves, massive(market, url)?);
        named.push((MARKET.to_owned(), url.clone()));
    }
    for one in others {
        providers = with(providers, one)?;
        named.push((one.name.clone(), one.base_url.clone()));
    }
    Ok((Origin::Providers(named), providers))
}

fn massive(market: &MarketSettings, base_url: &str) -> Result<Provider, ProviderError> {
    let MarketSettings { api_key, calls_per_minute, max_calls_per_day, .. } = market;
    let mut provider = Provider::new(base_url, api_key.as_ref().map(Secret::reveal))?;
    if let Some(calls) = calls_per_minute {
        provider = provider.calls_per_minute(*calls);
    }
    if let Some(calls) = max_calls_per_day {
        provider = provider.calls_per_day(*calls);
    }
    Ok(provider)
}

fn with(providers: Providers, one: &ProviderSettings) -> Result<Providers, ProviderError> {
    let ProviderSettings { name, kind, base_url, api_key, calls_per_minute, .. } = one;
    let serves = data_types(one.types.iter().map(String::as_str));
    Ok(match kind {
        ProviderKind::Massive => {
            let settings = MarketSettings {
                base_url: None,
                api_key: api_key.clone(),
                calls_per_minute: *calls_per_minute,
                max_calls_per_day: one.max_calls_per_day,
                refresh_ahead: false,
            };
            providers.with(name, &serves, massive(&settings, base_url)?)
        }
        ProviderKind::Fred => {
            let mut fred = Fred::new(base_url, api_key.as_ref().map(Secret::reveal))?;
            if let Some(calls) = calls_per_minute {
                fred = fred.calls_per_minute(*calls);
            }
            if let Some(calls) = one.max_calls_per_day {
                fred = fred.calls_per_day(calls);
            }
            for (text, series) in &one.series {
                for data_type in data_types([text.as_str()]) {
                    fred = fred.series(data_type, series);
                }
            }
            providers.with(name, &serves, fred)
        }
    })
}

fn all_of(kind: ProviderKind) -> Vec<DataType> {
    data_types(kind.types().iter().copied())
}

/// Types by their names, which the settings have checked.
fn data_types<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<DataType> {
    names.into_iter().filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_settings_name_are_those_that_there_are() {
        let kinds = [ProviderKind::Massive, ProviderKind::Fred];
        let mut served: Vec<_> = kinds.into_iter().flat_map(all_of).collect();
        let count: usize = kinds.iter().map(|kind| kind.types().len()).sum();
        assert_eq!(served.len(), count);
        served.sort();
        let mut fetched = DataType::ALL.to_vec();
        fetched.retain(|one| !one.is_computed());
        fetched.sort();
        assert_eq!(served, fetched);
        let of_fred: Vec<_> = spence_market::SERIES.iter().map(|(one, _)| *one).collect();
        assert_eq!(all_of(ProviderKind::Fred), of_fred);
    }
}
