//! The fewest calls that bring what is lacking: one call brings a session of all symbols, or all
//! sessions of one symbol.
//!
//! Symbols and sessions are the two sides of a graph, and every bar that is lacking joins two of
//! them. A set of calls that brings all is a vertex cover, and the least one follows from a maximum
//! flow (D. Kőnig, "Gráfok és mátrixok", 1931). Symbols that lack the same sessions, and sessions
//! that the same symbols lack, are one vertex each with as much weight as there are of them: a scan
//! from nothing has two.

use std::collections::HashMap;

use petgraph::algo::dinics;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

/// Calls to be made, by the places of their sessions and symbols; in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) sessions: Vec<usize>,
    pub(crate) symbols: Vec<usize>,
}

impl Plan {
    /// How many calls it takes, if each is answered on one page.
    pub(crate) fn calls(&self) -> usize {
        self.sessions.len() + self.symbols.len()
    }
}

/// More than any number of calls.
const ENDLESS: u32 = u32::MAX / 2;

/// The fewest calls, if some symbols have to be asked for alone.
pub(crate) fn plan_apart(lacking: &[Vec<usize>], is_alone: impl Fn(usize) -> bool) -> Plan {
    let of = |(place, lacks): (usize, &Vec<usize>)| match is_alone(place) {
        true => Vec::new(),
        false => lacks.clone(),
    };
    let mut plan = plan(&lacking.iter().enumerate().map(of).collect::<Vec<_>>());
    let lacks = lacking.iter().enumerate().filter(|(_, lacks)| !lacks.is_empty());
    plan.symbols.extend(lacks.map(|(place, _)| place).filter(|place| is_alone(*place)));
    plan.symbols.sort_unstable();
    plan
}

/// The fewest calls; `lacking` are for each symbol the sessions that it lacks, in order.
pub(crate) fn plan(lacking: &[Vec<usize>]) -> Plan {
    let mut by_sessions: HashMap<&[usize], Vec<usize>> = HashMap::new();
    for (symbol, sessions) in lacking.iter().enumerate().filter(|(_, lacks)| !lacks.is_empty()) {
        by_sessions.entry(sessions).or_default().push(symbol);
    }
    let mut classes: Vec<(&[usize], Vec<usize>)> = by_sessions.into_iter().collect();
    classes.sort_unstable();
    let mut lacked_by: HashMap<usize, Vec<usize>> = HashMap::new();
    for (class, (sessions, _)) in classes.iter().enumerate() {
        for session in *sessions {
            lacked_by.entry(*session).or_default().push(class);
        }
    }
    let mut by_classes: HashMap<Vec<usize>, Vec<usize>> = HashMap::new();
    for (session, classes) in lacked_by {
        by_classes.entry(classes).or_default().push(session);
    }
    let mut graph = DiGraph::<(), u32>::new();
    let (source, sink) = (graph.add_node(()), graph.add_node(()));
    let weight = |of: &[usize]| u32::try_from(of.len()).unwrap_or(ENDLESS);
    let of_symbols: Vec<(NodeIndex, &[usize])> = classes
        .iter()
        .map(|(_, symbols)| {
            let node = graph.add_node(());
            graph.add_edge(source, node, weight(symbols));
            (node, symbols.as_slice())
        })
        .collect();
    let of_sessions: Vec<(NodeIndex, &[usize])> = by_classes
        .iter()
        .map(|(classes, sessions)| {
            let node = graph.add_node(());
            for (symbols, _) in classes.iter().filter_map(|class| of_symbols.get(*class)) {
                graph.add_edge(*symbols, node, ENDLESS);
            }
            graph.add_edge(node, sink, weight(sessions));
            (node, sessions.as_slice())
        })
        .collect();
    let reached = reached_at_most(&graph, source, sink);
    let is_reached = |node: NodeIndex| reached.get(node.index()).copied().unwrap_or(false);
    let pick = |of: &[(NodeIndex, &[usize])], wanted: bool| {
        let picked = of.iter().filter(|(node, _)| is_reached(*node) == wanted);
        let mut places: Vec<usize> =
            picked.flat_map(|(_, places)| places.iter().copied()).collect();
        places.sort_unstable();
        places
    };
    Plan { sessions: pick(&of_sessions, true), symbols: pick(&of_symbols, false) }
}

/// Which vertices can still be reached when the flow is at its maximum.
fn reached_at_most(graph: &DiGraph<(), u32>, source: NodeIndex, sink: NodeIndex) -> Vec<bool> {
    let (_, flows) = dinics(graph, source, sink);
    let mut reached = vec![false; graph.node_count()];
    let mut next = vec![source];
    while let Some(node) = next.pop() {
        match reached.get_mut(node.index()) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let flow = |edge: usize| flows.get(edge).copied().unwrap_or(0);
        let on = graph.edges(node).filter(|edge| flow(edge.id().index()) < *edge.weight());
        next.extend(on.map(|edge| edge.target()));
        let back = graph.edges_directed(node, petgraph::Incoming);
        let back = back.filter(|edge| flow(edge.id().index()) > 0);
        next.extend(back.map(|edge| edge.source()));
    }
    reached
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(lacking: &[&[usize]], sessions: &[usize], symbols: &[usize]) {
        let lacking: Vec<Vec<usize>> = lacking.iter().map(|one| one.to_vec()).collect();
        let expected = Plan { sessions: sessions.to_vec(), symbols: symbols.to_vec() };
        assert_eq!(plan(&lacking), expected, "{lacking:?}");
    }

    #[test]
    fn whole_sessions_for_many_symbols_and_whole_symbols_for_few() {
        check(&[], &[], &[]);
        check(&[&[], &[]], &[], &[]);
        check(&[&[3, 4, 5, 6]], &[], &[0]);
        check(&[&[7], &[7], &[7]], &[7], &[]);
        // All lack the newest, and one is new and lacks everything.
        check(&[&[9], &[0, 1, 2, 3, 9], &[9], &[9]], &[9], &[1]);
    }

    #[test]
    fn who_has_to_be_asked_for_alone_is() {
        let lacking = vec![vec![7], vec![7], vec![7], vec![], vec![7]];
        let plan = plan_apart(&lacking, |place| place >= 2);
        assert_eq!(plan, Plan { sessions: vec![7], symbols: vec![2, 4] });
    }

    #[test]
    fn five_thousand_symbols_from_nothing_take_a_call_for_each_session() {
        let lacking: Vec<Vec<usize>> = vec![(0..250).collect(); 5_000];
        assert_eq!(plan(&lacking).calls(), 250);
    }

    proptest! {
        #[test]
        fn everything_is_brought_and_no_fewer_calls_would_do(
            lacking in prop::collection::vec(prop::collection::btree_set(0usize..6, 0..6), 0..6),
        ) {
            let lacking: Vec<Vec<usize>> =
                lacking.into_iter().map(|one| one.into_iter().collect()).collect();
            let brings = |sessions: &dyn Fn(usize) -> bool, symbols: &dyn Fn(usize) -> bool| {
                let whole = |(symbol, lacks): (usize, &Vec<usize>)| {
                    symbols(symbol) || lacks.iter().all(|session| sessions(*session))
                };
                lacking.iter().enumerate().all(whole)
            };
            let plan = plan(&lacking);
            let (of, by) = (|place| plan.sessions.contains(&place), |place| plan.symbols.contains(&place));
            prop_assert!(brings(&of, &by));
            let fewest = (0u32..1 << 12)
                .filter(|set| brings(&|one| set >> one & 1 == 1, &|one| set >> (6 + one) & 1 == 1))
                .map(u32::count_ones)
                .min();
            prop_assert_eq!(fewest, Some(plan.calls() as u32));
        }
    }
}
