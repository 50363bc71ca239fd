//! How many requests a second one address may make: `server.rate_limit`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::error::ApiError;

/// After so many requests addresses are forgotten that have made none for a second.
const SWEEP: u32 = 1 << 16;

type Store = DefaultKeyedStateStore<IpAddr>;

/// The requests of each address, by the generic cell rate algorithm (ITU-T I.371): as many at once
/// as a second has, then evenly.
#[derive(Debug)]
pub(crate) struct Limit {
    a_second: NonZeroU32,
    requests: RateLimiter<IpAddr, Store, MonotonicClock>,
    count: AtomicU32,
}

impl Limit {
    pub(crate) fn new(a_second: NonZeroU32) -> Self {
        let requests =
            RateLimiter::new(Quota::per_second(a_second), Store::default(), MonotonicClock);
        Self { a_second, requests, count: AtomicU32::new(0) }
    }

    /// What a request of `address` is answered if it is one too many.
    pub(crate) fn refusal(&self, address: IpAddr) -> Option<Response> {
        if self.count.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP) {
            self.requests.retain_recent();
        }
        let until = self.requests.check_key(&address).err()?;
        let wait = until.wait_time_from(MonotonicClock.now()).max(Duration::from_millis(1));
        let message = format!(
            "{} requests a second are the most; the next may be made in {} ms",
            self.a_second,
            wait.as_millis()
        );
        let mut refusal = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).into_response();
        let seconds = HeaderValue::from(wait.as_secs() + 1);
        refusal.headers_mut().insert(header::RETRY_AFTER, seconds);
        Some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_requests() {
        let limit = Limit::new(NonZeroU32::new(3).unwrap());
        let [one, other] = [1, 2].map(|host| IpAddr::from([127, 0, 0, host]));
        assert!((0..3).all(|_| limit.refusal(one).is_none()));
        let refused = limit.refusal(one).unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        assert!(limit.refusal(other).is_none());
    }
}
