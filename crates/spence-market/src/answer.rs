//! What a provider's answer says: classified, checked against the question, read row by row.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::StatusCode;

use crate::error::ProviderError;
use crate::symbol::Symbol;
use crate::wire::{Aggregate, Answer, Reply};

/// No price reaches this: the dearest share ever, of Berkshire Hathaway, has cost less than a
/// million.
const MAX_PRICE: f64 = 1e8;

/// Whether an answer is of this symbol, if it is asked about one, and not adjusted.
pub(crate) fn check(
    answer: &Answer<Aggregate>,
    asked: Option<&Symbol>,
) -> Result<(), ProviderError> {
    let malformed = |what: String| Err(ProviderError::Malformed(what));
    match (asked, &answer.ticker, answer.adjusted) {
        (Some(asked), Some(ticker), _) if !ticker.eq_ignore_ascii_case(asked.as_str()) => {
            malformed(format!("asked for {asked}, answered for {}", brief(ticker)))
        }
        (.., Some(true)) => malformed("asked for unadjusted prices, answered with adjusted".into()),
        _ => Ok(()),
    }
}

/// The beginning of what a provider says; it is not repeated at length.
pub(crate) fn brief(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Classifies an answer by what it says first, and by its status second: errors come with status
/// 200 too.
pub(crate) fn read<A: Reply>(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<A, ProviderError> {
    let answer: Result<A, _> = serde_json::from_slice(body);
    let said = answer.as_ref().ok().and_then(|answer| answer.said().map(brief));
    let message = said.unwrap_or_else(|| status.to_string());
    let limited = message.contains("exceeded the maximum requests");
    let word = answer.as_ref().map_or("", Reply::word);
    let failed = answer.as_ref().is_ok_and(Reply::is_error);
    match (status, word) {
        _ if limited || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(ProviderError::RateLimited { message, retry_after })
        }
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) | (_, "NOT_AUTHORIZED") => {
            Err(ProviderError::Unauthorized(message))
        }
        (StatusCode::OK, _) if failed => Err(ProviderError::Failed { status: 200, message }),
        (StatusCode::OK, _) => {
            answer.map_err(|error| ProviderError::Malformed(brief(&error.to_string())))
        }
        _ => Err(ProviderError::Failed { status: status.as_u16(), message }),
    }
}

/// The rows of an answer; none if the provider says that there is nothing.
pub(crate) fn rows_in<R>(answer: Answer<R>) -> Result<Vec<R>, ProviderError> {
    match (answer.results, answer.results_count) {
        // It does that under load: the data exist, and it leaves them out. Some come twice.
        (rows, Some(count)) if rows.as_ref().map_or(0, Vec::len) < count as usize => {
            let given = rows.as_ref().map_or(0, Vec::len);
            let message = format!("{count} results announced, {given} given");
            Err(ProviderError::Malformed(message))
        }
        (Some(rows), _) => Ok(rows),
        (None, Some(_)) => Ok(Vec::new()),
        // Only the provider may say that there is nothing (contract C14).
        (None, None) => Err(ProviderError::Malformed("neither results nor their count".into())),
    }
}

/// The day of a row of one symbol, which lies between two days, both included.
pub(crate) fn day_of_row(
    row: &Aggregate,
    (from, to): (Date, Date),
    new_york: &TimeZone,
) -> Result<Date, ProviderError> {
    let time = Timestamp::from_millisecond(row.t).map_err(|_| garbage(row))?;
    let date = time.to_zoned(new_york.clone()).date();
    match (from..=to).contains(&date) {
        true => Ok(date),
        false => {
            let what = format!("asked for {from} to {to}, got {date}");
            Err(ProviderError::Malformed(what))
        }
    }
}

/// Open, high, low, close and volume of a row, if they can be.
pub(crate) fn values_of(row: &Aggregate) -> Result<[f64; 5], ProviderError> {
    let prices = [row.o, row.h, row.l, row.c];
    let sound = prices.iter().all(|price| *price > 0.0 && *price < MAX_PRICE)
        && row.v.is_finite()
        && row.v >= 0.0
        && row.l <= row.h;
    let Aggregate { o, h, l, c, v, .. } = *row;
    sound.then_some([o, h, l, c, v]).ok_or_else(|| garbage(row))
}

pub(crate) fn garbage(row: &Aggregate) -> ProviderError {
    ProviderError::Malformed(format!("row {row:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let new_york = TimeZone::get("America/New_York").unwrap();
        let outcome = read::<Answer<Aggregate>>(status, None, body.as_bytes());
        let asked = Symbol::new("AAPL").unwrap();
        let days = (Date::constant(2012, 6, 1), Date::constant(2012, 6, 29));
        let outcome = outcome.and_then(|answer| {
            super::check(&answer, Some(&asked))?;
            let rows = rows_in(answer)?;
            let bar = |row| day_of_row(row, days, &new_york).and_then(|_| values_of(row));
            rows.iter().map(bar).collect::<Result<Vec<_>, _>>()
        });
        let shown = match outcome {
            Ok(bars) if bars.is_empty() => "nothing".to_owned(),
            Ok(bars) => format!("{} bars", bars.len()),
            Err(error) => error.to_string(),
        };
        assert!(shown.starts_with(expected), "{body}: {shown}");
    }

    const ROW: &str = r#"{"v":1,"o":2,"c":2,"h":3,"l":1,"t":1340942400000}"#;

    #[test]
    fn answers_are_classified_by_what_they_say() {
        check(200, &format!(r#"{{"status":"OK","resultsCount":1,"results":[{ROW}]}}"#), "1 bars");
        check(200, r#"{"status":"OK","resultsCount":0}"#, "nothing");
        check(200, r#"{"status":"OK","resultsCount":0,"results":[]}"#, "nothing");
        check(200, r#"{"status":"OK","resultsCount":9,"results":null}"#, "provider answer not");
        let fewer = format!(r#"{{"resultsCount":2,"results":[{ROW}]}}"#);
        check(200, &fewer, "provider answer not understood: 2 results announced, 1 given");
        check(200, &format!(r#"{{"resultsCount":1,"results":[{ROW},{ROW}]}}"#), "2 bars");
        check(200, r#"{"status":"ERROR","error":"oops"}"#, "provider error 200: oops");
        let limit =
            r#"{"status":"ERROR","error":"You've exceeded the maximum requests per minute"}"#;
        check(200, limit, "provider limit reached");
        check(429, "busy", "provider limit reached");
        check(401, r#"{"error":"Unknown API Key"}"#, "provider refused the key: Unknown API Key");
        check(
            403,
            r#"{"status":"NOT_AUTHORIZED","message":"plan"}"#,
            "provider refused the key: plan",
        );
        check(500, "<html>", "provider error 500: 500 Internal Server Error");
        check(200, "<html>", "provider answer not understood");
        check(200, &format!(r#"{{"results":[{ROW}"#), "provider answer not understood");
        // Only the provider may say that there is nothing.
        check(200, "{}", "provider answer not understood: neither");
        check(200, r#"{"status":"OK"}"#, "provider answer not understood: neither");
        check(200, r#"{"error":"maintenance"}"#, "provider error 200: maintenance");
        check(302, "", "provider error 302");
    }

    #[test]
    fn an_answer_to_another_question_is_not_taken() {
        let rows = format!(r#""resultsCount":1,"results":[{ROW}]"#);
        check(200, &format!(r#"{{"ticker":"aapl","adjusted":false,{rows}}}"#), "1 bars");
        check(200, &format!(r#"{{"ticker":"MSFT",{rows}}}"#), "provider answer not");
        check(200, &format!(r#"{{"adjusted":true,{rows}}}"#), "provider answer not");
        let later = ROW.replace("1340942400000", "1341201600000");
        let later = format!(r#"{{"resultsCount":1,"results":[{later}]}}"#);
        check(
            200,
            &later,
            "provider answer not understood: asked for 2012-06-01 to 2012-06-29, got",
        );
    }

    #[test]
    fn rows_that_cannot_be_are_not_taken() {
        for row in [
            r#"{"v":1,"o":0,"c":2,"h":3,"l":1,"t":1340942400000}"#,
            r#"{"v":-1,"o":2,"c":2,"h":3,"l":1,"t":1340942400000}"#,
            r#"{"v":1,"o":2,"c":2,"h":1,"l":3,"t":1340942400000}"#,
            r#"{"v":1,"o":2,"c":2,"h":3,"l":1,"t":9999999999999999}"#,
            r#"{"v":1,"o":2,"c":2,"h":1000000000000,"l":1,"t":1340942400000}"#,
        ] {
            check(200, &format!(r#"{{"status":"OK","results":[{row}]}}"#), "provider answer not");
        }
    }
}
