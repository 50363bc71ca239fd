//! Which days something is known of.

use serde::{Deserialize, Serialize};

/// Days, counted from 1970-01-01: runs of first and last day, in order, neither touching nor
/// overlapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Days(Vec<(i32, i32)>);

impl Days {
    /// Adds a run of days.
    pub(crate) fn add(&mut self, first: i32, last: i32) {
        let (mut first, mut last) = (first, last);
        self.0.retain(|(from, to)| {
            let touches = *from <= last.saturating_add(1) && first <= to.saturating_add(1);
            if touches {
                (first, last) = (first.min(*from), last.max(*to));
            }
            !touches
        });
        let place = self.0.partition_point(|(from, _)| *from < first);
        self.0.insert(place, (first, last));
    }

    /// Adds all days of another.
    pub(crate) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(first, last)| self.add(*first, *last));
    }

    /// Takes away all days of another.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for (from, to) in &other.0 {
            let cut = |(first, last): (i32, i32)| {
                let before = (first < *from).then(|| (first, last.min(from.saturating_sub(1))));
                let after = (last > *to).then(|| (first.max(to.saturating_add(1)), last));
                [before, after].into_iter().flatten()
            };
            left = left.into_iter().flat_map(cut).collect();
        }
        Self(left)
    }

    /// Whether a day is among them.
    pub(crate) fn have(&self, day: i32) -> bool {
        self.have_all(day, day)
    }

    /// Whether all days from one to another are among them.
    pub(crate) fn have_all(&self, from: i32, to: i32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= from);
        let run = after.checked_sub(1).and_then(|place| self.0.get(place));
        run.is_some_and(|(_, last)| to <= *last)
    }

    /// Whether any of them lies between two days, both included.
    pub(crate) fn touch(&self, first: i32, last: i32) -> bool {
        self.0.iter().any(|(from, to)| *from <= last && first <= *to)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(i32, i32)>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn runs() -> impl Strategy<Value = Vec<(i32, i32)>> {
        prop::collection::vec((1i32..60, 0i32..9), 0..12)
            .prop_map(|runs| runs.into_iter().map(|(at, more)| (at, at + more)).collect())
    }

    fn both(runs: &[(i32, i32)]) -> (Days, BTreeSet<i32>) {
        let mut days = Days::default();
        runs.iter().for_each(|(first, last)| days.add(*first, *last));
        (days, runs.iter().flat_map(|(first, last)| *first..=*last).collect())
    }

    fn listed(days: &Days) -> BTreeSet<i32> {
        (0..100).filter(|day| days.have(*day)).collect()
    }

    proptest! {
        #[test]
        fn days_are_a_set(one in runs(), other in runs()) {
            let ((one, set), (other, others)) = (both(&one), both(&other));
            prop_assert_eq!(&listed(&one), &set);
            let whole = (20..=22).all(|day| set.contains(&day));
            prop_assert_eq!(one.have_all(20, 22), whole);
            prop_assert_eq!(one.touch(20, 30), set.range(20..=30).next().is_some());
            prop_assert!(one.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", one);
            prop_assert_eq!(listed(&one.without(&other)), &set - &others);
            let mut all = one;
            all.add_all(&other);
            prop_assert_eq!(listed(&all), &set | &others);
        }
    }
}
