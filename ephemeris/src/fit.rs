//! Chebyshev series over spans of days: interpolation at more nodes than terms, cut.
//!
//! Press et al., Numerical Recipes, 5.8; the cut of a longer series is within a few per cent of
//! the best of its length.

use std::f64::consts::PI;

use spence_acg::ephemeris::Orbit;

use crate::theories::position;

/// How an orbit is cut into spans.
pub(crate) struct Cut {
    pub(crate) orbit: Orbit,
    pub(crate) span_days: u32,
    pub(crate) terms: u32,
    /// At least the terms. More of them average what a series of so few terms cannot follow.
    pub(crate) nodes: usize,
}

/// The coefficients of one span: x, then y, then z, each from the constant upwards.
pub(crate) fn span(cut: &Cut, first_day: f64) -> anyhow::Result<Vec<f64>> {
    let terms = cut.terms as usize;
    let nodes = cut.nodes;
    let half = f64::from(cut.span_days) / 2.0;
    let mut values = Vec::with_capacity(nodes);
    for node in 0..nodes {
        let at = (PI * (node as f64 + 0.5) / nodes as f64).cos();
        values.push(position(cut.orbit, first_day + half * (1.0 + at))?);
    }
    let mut coefficients = Vec::with_capacity(3 * terms);
    for axis in 0..3 {
        for term in 0..terms {
            let sum: f64 = (0..nodes)
                .map(|node| {
                    let angle = PI * term as f64 * (node as f64 + 0.5) / nodes as f64;
                    values[node][axis] * angle.cos()
                })
                .sum();
            let scale = if term == 0 { 1.0 } else { 2.0 };
            coefficients.push(scale * sum / nodes as f64);
        }
    }
    Ok(coefficients)
}
