//! The map as a picture, beside one that was looked at (`tests/golden/map.png`). Texts depend on
//! the fonts of a machine and are not drawn; where they stand is checked apart.
//! `SPENCE_WRITE_GOLDEN=1` draws it anew.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options as Reading, Tree};
use spence_acg::ephemeris::Instant;
use spence_acg::{Aspect, Body, Chart, HouseSystem, Natal, Options, Place, Positions};

/// Of the width of the map.
const SCALE: f32 = 0.35;

fn chart(aspects: &[Aspect]) -> Chart {
    let born = Instant::from_unix(645_444_000).unwrap();
    let place = Place::new(52.52, 13.41).unwrap();
    let positions = Positions::at(born, Body::standard(), Some(place)).unwrap();
    let options = Options { aspects: aspects.to_vec(), local_space: true, ..Options::default() };
    let natal = Natal { place, altitude_m: 0.0, houses: HouseSystem::default() };
    Chart::draw(positions, options, Some(natal))
}

fn drawn(svg: &str) -> Pixmap {
    let tree = Tree::from_str(svg, &Reading::default()).unwrap();
    let size = tree.size();
    let mut picture =
        Pixmap::new((size.width() * SCALE) as u32, (size.height() * SCALE) as u32).unwrap();
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
    picture
}

/// Of 255, the mean over all colours of all pixels.
fn difference(one: &Pixmap, other: &Pixmap) -> f64 {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let pairs = one.data().iter().zip(other.data());
    pairs.map(|(one, other)| f64::from(one.abs_diff(*other))).sum::<f64>() / one.data().len() as f64
}

#[test]
fn the_map_looks_like_the_one_that_was_looked_at() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/map.png");
    let picture = drawn(&chart(&[Aspect::Trine]).to_svg());
    if std::env::var_os("SPENCE_WRITE_GOLDEN").is_some() {
        picture.save_png(golden).unwrap();
    }
    let expected = Pixmap::load_png(golden).unwrap();
    let off = difference(&picture, &expected);
    assert!(off < 0.5, "{off}");
    let other = difference(&drawn(&chart(&[Aspect::Square]).to_svg()), &expected);
    assert!(other > 0.5, "{other}: other lines are another picture");
}

/// As `spence acg lines --epoch 1990-06-15T12:00:00+02:00 --place 52.52,13.41 --svg docs/map.svg`.
#[test]
fn the_map_in_the_documentation_is_the_one_that_is_drawn_today() {
    let Chart { positions, natal, .. } = chart(&[]);
    let options = Options { parans: false, ..Options::default() };
    let chart = Chart::draw(positions, options, natal);
    let shown = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/map.svg");
    if std::env::var_os("SPENCE_WRITE_GOLDEN").is_some() {
        std::fs::write(shown, chart.to_svg()).unwrap();
    }
    let off = difference(&drawn(&chart.to_svg()), &drawn(&std::fs::read_to_string(shown).unwrap()));
    assert!(off < 0.1, "{off}");
}

#[test]
fn every_angle_has_its_name_and_none_is_over_another() {
    let svg = chart(&[]).to_svg();
    let attribute = |line: &str, name: &str| {
        let after = line.split_once(&format!(" {name}=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    // Each is drawn twice; the first is the white below it.
    let named = svg.lines().filter(|line| line.contains("font-weight"));
    let labels: Vec<_> = named.filter(|line| !line.contains("stroke=")).collect();
    assert!(labels.len() >= 40, "{} of 44 names have room", labels.len());
    let at =
        |line: &str| -> [f64; 2] { ["x", "y"].map(|name| attribute(line, name).parse().unwrap()) };
    for (index, one) in labels.iter().enumerate() {
        for other in &labels[index + 1..] {
            let ([x, y], [other_x, other_y]) = (at(one), at(other));
            assert!((x - other_x).abs() > 40.0 || (y - other_y).abs() > 15.0, "{one} {other}");
        }
    }
}
