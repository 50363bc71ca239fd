//! Rows that cannot be are kept apart, and what else is odd is found.

use std::num::NonZeroU32;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::civil::date;
use spence::{Clock, Freshness, Spence, Target};
use spence_feed::{Fault, FaultRate, Feed, FeedOptions};
use spence_market::{
    DataProvider, DataQuestion, DataType, Flaw, Market, Patience, Provider, ProviderError,
    Providers, RefusedRow, Rows, SplitAction, Told,
};

use crate::survey::while_time_passes;

const TYPES: [DataType; 3] = [DataType::Ohlcv, DataType::Split, DataType::Dividend];

fn question(symbol: &str, start: &str, end: &str) -> DataQuestion {
    DataQuestion::new("OHLCV", start, end, Some(symbol), "daily", []).unwrap()
}

async fn market(spence: &Spence, clock: &Clock, faults: Vec<FaultRate>) -> (Feed, Market) {
    let options = FeedOptions { faults, clock: clock.clone(), ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let provider = Provider::new(&feed.base_url(), None).unwrap();
    let provider = provider.calls_per_minute(NonZeroU32::MAX);
    let providers = Providers::default().with_origin("feed", &TYPES, provider, "feed");
    let market = Market::with_providers(spence, providers).unwrap();
    (feed, market)
}

#[tokio::test]
async fn a_row_that_cannot_be_again_and_again_is_kept_apart_until_it_can() {
    let (clock, hands) = Clock::manual();
    let spence = Spence::builder().clock(clock.clone()).build().await.unwrap();
    let garbage = FaultRate { fault: Fault::GarbageRow, probability: 1.0 };
    let (feed, broken) = market(&spence, &clock, vec![garbage]).await;
    let asked = question("IBM", "2012-06-01", "2012-06-29");
    let data = while_time_passes(&hands, broken.get_data(&asked)).await.unwrap();
    let Rows::Bars(bars) = data.rows() else { panic!() };
    assert_eq!((bars.len(), data.is_final(), data.freshness()), (20, false, Freshness::Fresh));
    assert!(feed.calls().total() >= 4, "at first it is taken for an accident");
    let apart = date(2012, 6, 15);
    assert!(bars.iter().all(|bar| bar.date != apart));

    // The same market, once its provider has come to its senses.
    let (_feed, market) = market(&spence, &clock, Vec::new()).await;
    let held = market.quality(&asked, true).await.unwrap();
    let flaws: Vec<_> = held.findings.iter().map(|one| (one.date, one.flaw.as_str())).collect();
    assert_eq!(flaws, [(apart, "quarantined")]);
    assert_eq!((held.sessions, held.data.rows().len()), (21, 20));
    hands.advance(std::time::Duration::from_secs(2 * 3600));
    let data = market.get_data(&asked).await.unwrap();
    assert_eq!((data.rows().len(), data.is_final()), (21, true));
    let quality = market.quality(&asked, true).await.unwrap();
    assert_eq!(quality.findings, []);
    spence.close().await;
}

/// Somebody whose row of one day cannot be.
#[derive(Debug)]
struct BadDay(Provider);

impl DataProvider for BadDay {
    fn get_data<'a>(
        &'a self,
        question: &'a DataQuestion,
        patience: &'a Patience,
    ) -> BoxFuture<'a, Result<Told, ProviderError>> {
        let apart = date(2012, 6, 15);
        async move {
            let mut told = self.0.get_data(question, patience).await?;
            if let Rows::Bars(bars) = &mut told.rows
                && bars.iter().any(|bar| bar.date == apart)
            {
                bars.retain(|bar| bar.date != apart);
                let row = "a high below the low".to_owned();
                told.refused.push(RefusedRow { date: apart, time: None, row });
            }
            Ok(told)
        }
        .boxed()
    }

    fn origin(&self, _: DataType) -> String {
        "bad day".to_owned()
    }
}

#[tokio::test]
async fn with_a_row_kept_apart_what_was_before_it_is_still_asked_for() {
    let feed = crate::feed().await;
    let spence = Spence::builder().build().await.unwrap();
    let provider = BadDay(Provider::new(&feed.base_url(), None).unwrap());
    let providers = Providers::default().with("bad", &TYPES, provider);
    let market = Market::with_providers(&spence, providers).unwrap();
    let last = spence_market::LastBars::new("IBM", 20, Some("2012-06-29")).unwrap();
    let bars = market.bars(&last).await.unwrap();
    assert_eq!((bars.len(), bars.is_final()), (20, false), "one more, for that which is apart");
    let before = question("IBM", "2005-01-03", "2005-01-31");
    assert_eq!(market.get_data(&before).await.unwrap().rows().len(), 20);
}

/// Bars of AAPL about its split of 2005, of somebody who does not know of it.
#[derive(Debug)]
struct WithoutSplits(Provider);

impl DataProvider for WithoutSplits {
    fn get_data<'a>(
        &'a self,
        question: &'a DataQuestion,
        patience: &'a Patience,
    ) -> BoxFuture<'a, Result<Told, ProviderError>> {
        match question.data_type {
            DataType::Split => {
                // On another day, on which nothing is to be seen.
                let split = SplitAction { date: date(2005, 3, 15), from: 1.0, to: 2.0 };
                async move { Ok(Rows::Splits(vec![split]).into()) }.boxed()
            }
            _ => self.0.get_data(question, patience),
        }
    }

    fn origin(&self, _: DataType) -> String {
        "odd".to_owned()
    }
}

#[tokio::test]
async fn splits_and_prices_are_compared() {
    let feed = crate::feed().await;
    let spence = Spence::builder().build().await.unwrap();
    let provider = Provider::new(&feed.base_url(), None).unwrap();
    let providers = Providers::default().with("odd", &TYPES, WithoutSplits(provider.clone()));
    let market = Market::with_providers(&spence, providers).unwrap();
    let asked = question("AAPL", "2005-02-01", "2005-03-31");
    let quality = market.quality(&asked, true).await.unwrap();
    let [split, unseen] = quality.findings.as_slice() else { panic!("{:?}", quality.findings) };
    assert_eq!(split.date, date(2005, 2, 28));
    assert!(matches!(split.flaw, Flaw::Jump { like: Some((2, 1)), .. }), "{split:?}");
    assert_eq!(
        (unseen.date, &unseen.flaw),
        (date(2005, 3, 15), &Flaw::SplitUnseen { shares: 2.0 })
    );

    // With the right log there is nothing odd about all these years.
    spence.invalidate(&Target::Tag("AAPL".into())).await.unwrap();
    let providers = Providers::default().with_origin("right", &TYPES, provider, "odd");
    let market = Market::with_providers(&spence, providers).unwrap();
    let asked = question("AAPL", "2000-03-01", "2013-03-01");
    let quality = market.quality(&asked, true).await.unwrap();
    let odd: Vec<_> = quality.findings.iter().map(|one| one.to_string()).collect();
    insta::assert_snapshot!(odd.join("\n"));
}
