//! Numbering a lease that lies on another server than the counter: the second half of taking it.

use redis::{Cmd, Value};

use super::link::{Asked, asked, text_of};
use super::wire::{Failure, Wire};

/// The calls that follow, but for their arguments.
pub(super) struct Number {
    pub(super) draw: Cmd,
    pub(super) release: Cmd,
}

impl Number {
    /// What `answer` to the first half comes to. The lease is numbered before the origin is asked;
    /// if that fails it is given back.
    pub(super) async fn of(
        mut self,
        answer: Value,
        wire: Wire,
        token: String,
    ) -> Result<Asked, Failure> {
        let word = text_of(answer.as_sequence().unwrap_or_default().first());
        match word.as_deref() {
            Some("held") => {
                self.release.arg(&token).arg(0);
                self.draw.arg(1);
                let drawn = wire.clone().call_unlimited(self.draw).await;
                let drawn = drawn.and_then(|drawn| asked(drawn, token));
                if !matches!(drawn, Ok(Asked::Lease(_))) {
                    // It would keep others waiting until it runs out.
                    drop(wire.call_unlimited(self.release).await);
                }
                drawn
            }
            Some("busy") => {
                self.draw.arg(0);
                asked(wire.call_unlimited(self.draw).await?, token)
            }
            _ => asked(answer, token),
        }
    }
}
