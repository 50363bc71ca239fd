//! Measuring turn by turn: every contender once a round, in turn, and then the medians.

use std::time::{Duration, Instant};

/// A contender: a name, and one turn that answers with a figure.
pub struct Contender<'a> {
    pub name: &'static str,
    pub turn: Box<dyn FnMut() -> f64 + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, turn: impl FnMut() -> f64 + 'a) -> Self {
        Self { name, turn: Box::new(turn) }
    }
}

/// The figures of all contenders, round by round.
pub struct Measured(Vec<Vec<f64>>);

/// Lets the contenders take turns. A first turn of each is not counted.
pub fn measure(rounds: usize, contenders: &mut [Contender<'_>]) -> Measured {
    for contender in contenders.iter_mut() {
        (contender.turn)();
    }
    let mut figures = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..rounds {
        // Another goes first in every round.
        for turn in 0..contenders.len() {
            let which = (round + turn) % contenders.len();
            figures[which].push((contenders[which].turn)());
        }
    }
    Measured(figures)
}

impl Measured {
    /// The median figure of a contender.
    pub fn median(&self, which: usize) -> f64 {
        median(&mut self.0[which].clone())
    }

    /// The median of the ratios of two contenders' figures of the same round: whatever slowed a
    /// round down fell on both.
    pub fn ratio(&self, which: usize, to: usize) -> f64 {
        let pairs = self.0[which].iter().zip(&self.0[to]);
        median(&mut pairs.map(|(figure, other)| figure / other).collect::<Vec<_>>())
    }
}

/// The median; the upper one of an even number.
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The `share` quantile of durations, in microseconds.
pub fn quantile_micros(durations: &mut [Duration], share: f64) -> f64 {
    durations.sort_unstable();
    let at = ((durations.len() as f64 * share) as usize).min(durations.len().saturating_sub(1));
    durations.get(at).map_or(f64::NAN, |duration| duration.as_nanos() as f64 / 1000.0)
}

/// Millions of operations a second: `threads` threads run `work(thread)` at the same time, each
/// `operations` times.
pub fn mops(threads: usize, operations: usize, work: impl Fn(usize) + Sync) -> f64 {
    let barrier = std::sync::Barrier::new(threads + 1);
    let elapsed = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(thread);
                })
            })
            .collect();
        barrier.wait();
        let started = Instant::now();
        for thread in running {
            thread.join().expect("a bench thread panicked");
        }
        started.elapsed()
    });
    (threads * operations) as f64 / elapsed.as_secs_f64() / 1e6
}
