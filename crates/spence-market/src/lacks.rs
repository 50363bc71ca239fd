//! What is lacking of a series to answer a question.

use jiff::Timestamp;
use jiff::civil::Date;
use spence_calendar::Session;

use crate::bars::LastBars;
use crate::market::Market;
use crate::series::{Series, day_of};
use crate::symbol::Symbol;

/// Daily bars that are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// The last bars up to a day.
    Last(LastBars),
    /// Those from one day to another, both included.
    Between(Symbol, Date, Date),
}

impl Wanted {
    pub(crate) fn symbol(&self) -> &Symbol {
        match self {
            Wanted::Last(question) => question.symbol(),
            Wanted::Between(symbol, ..) => symbol,
        }
    }
}

/// What is lacking: the days up to a session, from a day on or the last `limit` bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gap {
    pub(crate) from: Option<Date>,
    pub(crate) to: &'static Session,
    pub(crate) limit: Option<usize>,
}

impl Market {
    /// What is lacking of a series; `None` if all that is wanted is known.
    pub(crate) fn gap(&self, series: &Series, wanted: &Wanted, now: Timestamp) -> Option<Gap> {
        let now_ms = self.clock.unix_ms();
        match wanted {
            Wanted::Last(question) => self.gap_of_last(series, question, now),
            Wanted::Between(_, start, end) => {
                let begun = self.trading.begun(Some(*end), now);
                let first = begun.partition_point(|session| session.date() < *start);
                let is_lacking =
                    |session: &&Session| !series.known().knows(day_of(session.date()), now_ms);
                let mut lacking = begun.iter().skip(first).filter(is_lacking);
                let first = lacking.next()?;
                let to = lacking.next_back().unwrap_or(first);
                Some(Gap { from: Some(self.trading.run_up_to(first.date())), to, limit: None })
            }
        }
    }

    fn gap_of_last(&self, series: &Series, question: &LastBars, now: Timestamp) -> Option<Gap> {
        let now_ms = self.clock.unix_ms();
        let (mut left, mut limit) = (question.bars() as usize, 0);
        // The newest session that is lacking, and how many bars were left to find there.
        let mut newest: Option<(&Session, usize)> = None;
        self.back(series, question.end(), now, |session, day, has_bar| {
            let is_lacking = !series.known().knows(day, now_ms);
            if is_lacking {
                let (_, left_there) = *newest.get_or_insert((session, left));
                limit = left_there - left + 1;
            }
            left -= usize::from(is_lacking || has_bar);
            left > 0
        });
        newest.map(|(to, _)| Gap { from: None, to, limit: Some(limit) })
    }

    /// Goes back over the sessions up to a day, with their days and whether there is a bar, for as
    /// long as `visit` wants to.
    pub(crate) fn back(
        &self,
        series: &Series,
        end: Option<Date>,
        now: Timestamp,
        mut visit: impl FnMut(&'static Session, i32, bool) -> bool,
    ) {
        let mut days = series.days_back().peekable();
        for session in self.trading.begun(end, now).iter().rev() {
            let day = day_of(session.date());
            while days.next_if(|newer| *newer > day).is_some() {}
            if !visit(session, day, days.peek() == Some(&day)) {
                return;
            }
        }
    }
}
