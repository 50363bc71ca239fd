//! Every variant is explored: what must hold holds, what must break breaks where it should.

use spence_model::search::{Finding, explore};
use spence_model::variants::{Bounds, Outage, VARIANTS, Variant};

const BOUNDS: Bounds = Bounds { writes: 1, fills: 2 };

fn check(variants: impl Iterator<Item = &'static Variant>) {
    for variant in variants {
        let finding = explore(variant, BOUNDS);
        assert!(finding.is_expected(variant), "{}: {finding:?}", variant.name);
        if let Finding::Holds { states } = finding {
            // A model in which nothing happens holds too.
            assert!(states > 10_000, "{}: only {states} states", variant.name);
        }
    }
}

#[test]
fn without_outages_every_variant_is_as_expected() {
    check(VARIANTS.iter().filter(|variant| variant.outage == Outage::Never));
}

#[test]
fn with_outages_every_variant_is_as_expected() {
    check(VARIANTS.iter().filter(|variant| variant.outage != Outage::Never));
}
