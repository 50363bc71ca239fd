//! An origin that answers as it is told.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use spence::{Fill, FillCx};

/// Answers its calls one after the other from a list; every answer that is a value is a new number.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
/// use spence::{Fill, Spence};
/// use spence_testkit::Script;
///
/// let spence = Spence::builder().build().await?;
/// let numbers = spence.cache::<String, u64>("numbers").build()?;
/// let script = Script::new();
/// script.then(|number| Ok(Fill::new(number)));
/// script.then(|_| Err("the origin is down".into()));
/// assert_eq!(*numbers.get_or_fetch(&"a".to_owned(), script.fill()).await?, 1);
/// assert!(numbers.get_or_fetch(&"b".to_owned(), script.fill()).await.is_err());
/// assert_eq!(script.calls(), 2);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

/// Makes an answer of the call's number.
type Line = Box<dyn FnOnce(u64) -> Result<Fill<u64>, String> + Send>;

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    calls: u64,
}

impl Script {
    /// An empty list: calls fail.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer, made of the number of the call, which counts from 1.
    pub fn then(&self, line: impl FnOnce(u64) -> Result<Fill<u64>, String> + Send + 'static) {
        self.0.lock().lines.push_back(Box::new(line));
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// The next answer.
    ///
    /// # Errors
    /// As the list says, or that there is nothing on it.
    pub fn answer(&self) -> Result<Fill<u64>, String> {
        let (line, number) = {
            let mut state = self.0.lock();
            state.calls += 1;
            (state.lines.pop_front(), state.calls)
        };
        line.map_or_else(|| Err("the script is at its end".to_owned()), |line| line(number))
    }

    /// A fill that gives the next answer.
    pub fn fill<K: Send + 'static>(
        &self,
    ) -> impl FnOnce(FillCx<K, u64>) -> Answering + Send + 'static {
        let script = self.clone();
        move |_| Box::pin(async move { script.answer() })
    }
}

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Fill<u64>, String>> + Send>>;

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("calls", &self.calls()).finish_non_exhaustive()
    }
}
