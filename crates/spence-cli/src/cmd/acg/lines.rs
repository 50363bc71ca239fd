//! `spence acg lines`

use std::cmp::Ordering;

use spence_acg::lines::Line;
use spence_acg::{
    BodyRequest, Chart, Feature, LinesRequest, Meaning, NatalRequest, OptionsRequest, Problem,
    Request,
};

use super::{drawn, place, refused};
use crate::args::{Common, Lines};
use crate::{files, render};

pub(super) fn run(common: &Common, asked: &Lines) -> anyhow::Result<()> {
    if let (Some(geojson), Some(svg)) = (&asked.geojson, &asked.svg)
        && files::are_one(geojson, svg)
    {
        return Err(refused("--geojson and --svg: expected two files, these are one"));
    }
    let request =
        Request::new(&wire(asked)?).map_err(|problems| refused(Problem::in_words(&problems)))?;
    let (chart, took_ms) = drawn(request)?;
    if let Some(file) = &asked.geojson {
        files::write(file, &chart.to_geojson(took_ms))?;
    }
    if let Some(file) = &asked.svg {
        files::write(file, &chart.to_svg())?;
    }
    if asked.geojson.is_none() && asked.svg.is_none() {
        match common.json {
            true => return render::print((chart.to_geojson(took_ms) + "\n").as_bytes()),
            false => table(&chart)?,
        }
    }
    let (count, instant) = (chart.features.len(), chart.positions.instant);
    render::note(&format!("{count} lines of {instant}, UTC taken for UT1"), false);
    Ok(())
}

/// A row a line; with `--near` the nearest first.
fn table(chart: &Chart) -> anyhow::Result<()> {
    let name = |index: usize| chart.positions.bodies.get(index).map_or("", |(body, _)| body.name());
    let near = chart.options.near;
    let with_distance =
        |feature: &Feature| (near.map(|place| feature.line.distance_km(place)), *feature);
    let mut features: Vec<_> = chart.features.iter().map(with_distance).collect();
    if near.is_some() {
        features.sort_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    }
    let rows = features.iter().map(|(distance, feature)| {
        let mut row = vec![meaning(feature, name), course(&feature.line)];
        row.extend(distance.map(|distance| format!("{distance:.0}")));
        row
    });
    let columns = ["line", "where", "km"];
    let shown = if near.is_some() { columns.len() } else { 2 };
    render::table(columns.split_at(shown).0, rows.collect())
}

fn meaning<'a>(feature: &Feature, name: impl Fn(usize) -> &'a str) -> String {
    let of = name(feature.of);
    match feature.meaning {
        Meaning::Angle(event) => format!("{of} {}", event.name()),
        Meaning::Aspect(event, aspect, degrees) => {
            format!("{of} {} ({degrees}) {}", aspect.name(), event.name())
        }
        Meaning::Paran(paran) => {
            let ((_, first), (other, second)) = (paran.first, paran.second);
            format!("{of} {} with {} {}", first.name(), name(other), second.name())
        }
        Meaning::LocalSpace(_) => format!("{of} local space"),
    }
}

fn course(line: &Line) -> String {
    let east = |longitude: f64| {
        format!("{:.3}{}", longitude.abs(), if longitude < 0.0 { "W" } else { "E" })
    };
    let north =
        |latitude: f64| format!("{:.3}{}", latitude.abs(), if latitude < 0.0 { "S" } else { "N" });
    match line {
        Line::Meridian(meridian) => east(meridian.longitude),
        Line::Horizon(horizon) => {
            let at_equator = horizon.longitude_at(0.0).unwrap_or_default();
            format!("{} on the equator, to {}", east(at_equator), north(horizon.end()))
        }
        Line::Parallel(parallel) => north(parallel.latitude),
        Line::GreatCircle(circle) => format!("azimuth {:.3}", circle.azimuth()),
    }
}

fn wire(asked: &Lines) -> anyhow::Result<LinesRequest> {
    let natal = asked.place.as_deref().map(|text| {
        let place = place("--place", text)?;
        Ok::<_, anyhow::Error>(NatalRequest {
            birthplace_lat: Some(place.latitude()),
            birthplace_lon: Some(place.longitude()),
            birthplace_alt_m: None,
            houses_system: asked.houses.clone(),
        })
    });
    let bodies = asked.bodies.as_ref().map(|names| {
        let names = names.iter().map(|name| name.trim().to_owned());
        names.map(|id| BodyRequest { id, kind: None, number: None }).collect()
    });
    Ok(LinesRequest {
        epoch: Some(asked.epoch.clone()),
        jd: None,
        bodies,
        options: OptionsRequest {
            line_types: asked.line_types.clone(),
            aspects: asked.aspects.clone(),
            include_parans: Some(asked.parans),
            include_fixed_stars: Some(asked.stars),
            method: asked.method.clone(),
            precision: asked.precision,
            local_space: Some(asked.local_space),
            ..OptionsRequest::default()
        },
        natal: natal.transpose()?,
        near: asked.near.clone(),
        ..LinesRequest::default()
    })
}
