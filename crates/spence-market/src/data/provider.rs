//! Who has data: providers in the order in which they are asked.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use spence::{Error, Spence};

use crate::call::Patience;
use crate::data::{DataQuestion, DataType, Told};
use crate::error::ProviderError;
use crate::provider::Provider;

/// Somebody who has data.
///
/// `get_data` is asked for `data_type`, from `start` to `end`, of `ticker`, at a `frequency`, with
/// `params`, which are the fields of the question; only for types that the provider is said to
/// serve ([`Providers::with`]), and never for those that are computed. What it answers is taken as
/// all that there is of these days: rows that it cannot give make an error.
pub trait DataProvider: std::fmt::Debug + Send + Sync {
    /// The rows of a question, in any order, within the patience. Calls are counted with
    /// [`Patience::count_call`].
    fn get_data<'a>(
        &'a self,
        question: &'a DataQuestion,
        patience: &'a Patience,
    ) -> BoxFuture<'a, Result<Told, ProviderError>>;

    /// Where data of a type come from: what was stored from elsewhere is not served.
    fn origin(&self, data_type: DataType) -> String;

    /// Keeps what has to outlast the process in `spence`, such as how many calls were made today.
    ///
    /// # Errors
    /// When a cache of the same name with other types exists.
    fn keep_in(&self, spence: &Spence) -> Result<(), Error> {
        let _nothing_to_keep = spence;
        Ok(())
    }

    /// Itself, if it can be asked about all symbols at once.
    fn whole_market(&self) -> Option<&Provider> {
        None
    }
}

/// Providers, the types that each serves, and the order in which they are asked: the next one only
/// when those before have failed.
#[derive(Debug, Clone, Default)]
pub struct Providers(Vec<Named>);

#[derive(Debug, Clone)]
struct Named {
    name: Arc<str>,
    serves: Vec<DataType>,
    provider: Arc<dyn DataProvider>,
    origin: Option<String>,
}

impl Providers {
    /// With another one, to be asked after those before for the types that it `serves`.
    #[must_use]
    pub fn with(
        mut self,
        name: &str,
        serves: &[DataType],
        provider: impl DataProvider + 'static,
    ) -> Self {
        let (name, serves) = (name.into(), serves.to_vec());
        self.0.push(Named { name, serves, provider: Arc::new(provider), origin: None });
        self
    }

    /// As [`Providers::with`], with another name for where its data come from than it has itself.
    #[must_use]
    pub fn with_origin(
        mut self,
        name: &str,
        serves: &[DataType],
        provider: impl DataProvider + 'static,
        origin: &str,
    ) -> Self {
        let (name, serves, origin) = (name.into(), serves.to_vec(), Some(origin.to_owned()));
        self.0.push(Named { name, serves, provider: Arc::new(provider), origin });
        self
    }

    /// The names of those that serve a type, in the order in which they are asked.
    pub fn serving(&self, data_type: DataType) -> impl Iterator<Item = &str> {
        self.of(data_type).map(|named| &*named.name)
    }

    /// Where data of a type come from: the first that serves it.
    pub(crate) fn origin(&self, data_type: DataType) -> String {
        self.of(data_type).next().map_or_else(String::new, |named| {
            named.origin.clone().unwrap_or_else(|| named.provider.origin(data_type))
        })
    }

    fn of(&self, data_type: DataType) -> impl Iterator<Item = &Named> {
        self.0.iter().filter(move |named| named.serves.contains(&data_type))
    }

    /// Those that can be asked about all symbols, with their names.
    fn whole_market(&self, data_type: DataType) -> Vec<(&str, &Provider)> {
        let whole = |named: &'_ Named| named.provider.whole_market().is_some();
        let those = self.of(data_type).filter(|named| whole(named));
        those.filter_map(|named| Some((&*named.name, named.provider.whole_market()?))).collect()
    }

    /// The first that can be asked about bars of all symbols.
    pub(crate) fn market(&self) -> Option<&Provider> {
        self.whole_market(DataType::Ohlcv).first().map(|(_, provider)| *provider)
    }

    pub(crate) fn keep_in(&self, spence: &Spence) -> Result<(), Error> {
        self.0.iter().try_for_each(|named| named.provider.keep_in(spence))
    }

    /// Asks one after the other until one answers.
    pub(crate) async fn get_data(
        &self,
        question: &DataQuestion,
        patience: &Patience,
    ) -> Result<Told, ProviderError> {
        let data_type = question.data_type;
        let mut turns = Turns::new(data_type, self.of(data_type).collect());
        while let Some((named, patience)) = turns.next(patience) {
            match named.provider.get_data(question, &patience).await {
                Ok(told) => return Ok(told),
                Err(error) => turns.failed(&named.name, error),
            }
        }
        Err(turns.over())
    }

    /// Asks those that can be asked about all symbols, one after the other, until one answers.
    pub(crate) async fn ask_market<'a, T>(
        &'a self,
        data_type: DataType,
        patience: &Patience,
        ask: impl Fn(&'a Provider, Patience) -> BoxFuture<'a, Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let mut turns = Turns::new(data_type, self.whole_market(data_type));
        while let Some(((name, provider), patience)) = turns.next(patience) {
            match ask(provider, patience).await {
                Ok(answer) => return Ok(answer),
                Err(error) => turns.failed(name, error),
            }
        }
        Err(turns.over())
    }
}

/// Providers that are asked in turn.
struct Turns<P> {
    data_type: DataType,
    left: std::vec::IntoIter<P>,
    failed: Option<ProviderError>,
}

impl<P> Turns<P> {
    fn new(data_type: DataType, those: Vec<P>) -> Self {
        Self { data_type, left: those.into_iter(), failed: None }
    }

    /// Who is asked next, and how long: so that there is time for those that come after.
    fn next(&mut self, patience: &Patience) -> Option<(P, Patience)> {
        let part = patience.part(u32::try_from(self.left.len()).unwrap_or(1));
        Some((self.left.next()?, part))
    }

    fn failed(&mut self, provider: &str, error: ProviderError) {
        let (data_type, next) = (self.data_type, self.left.len());
        if next > 0 {
            tracing::warn!(provider, %data_type, "a provider failed: asking the next");
            tracing::debug!(provider, %error);
        }
        self.failed.get_or_insert(error);
    }

    /// Why the first of all has failed: the others stand in for it.
    fn over(self) -> ProviderError {
        self.failed.unwrap_or(ProviderError::Unserved(self.data_type))
    }
}
