//! Which shares are listed.

use std::collections::HashSet;

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use spence::{Cached, Error, Fill, FillCx, Weigh, allocation};

use crate::call::{CallCount, Patience};
use crate::data::DataType;
use crate::error::ProviderError;
use crate::market::Market;
use crate::provider::Provider;
use crate::symbol::Symbol;

/// The name of the cache of listings, and of its policy.
pub const LISTINGS_CACHE: &str = "LISTING";

/// The key of the listing of the United States.
const ALL: &str = "US";

/// Symbols, in the provider's order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Listed(Vec<Box<str>>);

impl Listed {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

impl Weigh for Listed {
    fn heap_bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|name| allocation(name.len())).sum();
        names + allocation(self.0.capacity() * size_of::<Box<str>>())
    }
}

impl Market {
    /// The first `most` shares that the provider lists, and how many calls that took.
    ///
    /// # Errors
    /// As for [`Market::bars`]; `NotFound` if it must not be asked and nothing is held.
    pub async fn listed(&self, most: usize, may_call: bool) -> Result<(Vec<Symbol>, usize), Error> {
        let calls = CallCount::default();
        let listed = match may_call {
            true => self.listing(&calls).await?,
            false => {
                let nothing = || Error::not_found("no listing is held");
                self.held_listing().await.ok_or_else(nothing)?
            }
        };
        let symbols = listed.0.iter().take(most).filter_map(|name| Symbol::new(name).ok());
        Ok((symbols.collect(), calls.total()))
    }

    /// What is held of the listing.
    pub(crate) async fn held_listing(&self) -> Option<Cached<Listed>> {
        self.listings.get(&ALL.to_owned()).await
    }

    /// The listing, asked for if need be.
    pub(crate) async fn listing(&self, calls: &CallCount) -> Result<Cached<Listed>, Error> {
        let (market, calls) = (self.clone(), calls.clone());
        let fill = |cx: FillCx<String, Listed>| async move {
            let patience = Patience::new(&market.clock, cx.deadline());
            let ask = |provider: &'_ Provider, patience: Patience| {
                let provider = provider.clone();
                async move { provider.tickers(&patience).await }.boxed()
            };
            let symbols = market.providers.ask_market(DataType::Ohlcv, &patience, ask).await;
            calls.add(&patience);
            let mut names = symbols?;
            let mut known = HashSet::new();
            names.retain(|name| known.insert(name.clone()));
            let names = names.iter().map(|symbol| symbol.as_str().into());
            Ok::<_, ProviderError>(Fill::new(Listed(names.collect())))
        };
        self.listings.get_or_fetch(&ALL.to_owned(), fill).await
    }
}
