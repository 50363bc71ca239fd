//! Charts behind the cache: finished bodies, and the positions that they are drawn from.
//!
//! A finished body is kept as it goes out, compressed, one entry for each encoding that was asked
//! for and one in zstd, of which the others, batches and animations are made. Positions are kept
//! apart, so that charts of one instant with other options share them. Keys are
//! [`PrivateKey`]s: an instant and a place may be somebody's birth.

mod encoding;
mod figures;
mod metrics;
mod positions;

use std::cell::RefCell;
use std::error::Error as StdError;
use std::sync::Arc;

use spence::{Cache, Cached, Clock, Error, Fill, FillCx, Freshness, PrivateKey, Source, Spence};
use spence_acg::ephemeris::{NoBirthplace, VERSION};
use spence_acg::{Chart, Kind, Positions, Request};

pub(crate) use encoding::Encoding;
use encoding::MOST_KEPT;
pub(crate) use figures::Figures;
pub(crate) use metrics::ChartMetrics;
use positions::Seen;

use crate::raw::{RawCodec, RawValue};

/// The cache of finished bodies.
pub(crate) const CHARTS_CACHE: &str = "acg";
/// The cache of positions.
pub(crate) const POSITIONS_CACHE: &str = "acg_positions";
/// Every entry of both carries it.
pub(crate) const TAG: &str = "acg";
/// What answers are made by: another number, and what was kept is a miss.
pub(crate) const ALGORITHM: u32 = 3;

thread_local! {
    /// The text of the chart that the thread is computing.
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
    /// The text of the chart that it is putting into another encoding.
    static UNPACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a chart is.
pub(crate) const GEOJSON: &str = "application/geo+json";

/// The two caches, and what computing has cost.
#[derive(Debug)]
pub(crate) struct Charts {
    bodies: Cache<PrivateKey, RawValue>,
    positions: Cache<PrivateKey, Seen>,
    clock: Clock,
    /// What computing and asking have come to.
    pub(crate) figures: Figures,
}

/// What a chart is kept under, whatever its encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChartId(PrivateKey);

impl ChartId {
    pub(crate) fn of(request: &Request) -> Self {
        Self(PrivateKey::of(&format!("{ALGORITHM};{VERSION};{}", request.canonical())))
    }

    /// The tag by which this chart can be invalidated in all its encodings.
    pub(crate) fn tag(self) -> String {
        format!("{TAG}:{}", self.0.as_str())
    }

    /// The key of its body in this encoding.
    pub(crate) fn key(self, encoding: Encoding) -> PrivateKey {
        PrivateKey::of(&format!("{};{}", self.0.as_str(), encoding.name()))
    }

    /// What is kept under it.
    fn finished(
        self,
        text: &[u8],
        encoding: Encoding,
    ) -> Result<Fill<RawValue>, Box<dyn StdError + Send + Sync>> {
        let value = RawValue::new(GEOJSON.as_bytes(), encoding.compress(text)?);
        let value = value.ok_or("a content type that cannot stand in a header")?;
        Ok(Fill::new(value).tags([TAG, &self.tag()]))
    }
}

impl Charts {
    pub(crate) fn new(spence: &Spence) -> Result<Self, Error> {
        Ok(Self {
            bodies: spence.cache(CHARTS_CACHE).codec(RawCodec).build()?,
            // The policy of charts is theirs too.
            positions: spence
                .cache(POSITIONS_CACHE)
                .schema(ALGORITHM)
                .policy(CHARTS_CACHE)
                .build()?,
            clock: spence.clock().clone(),
            figures: Figures::default(),
        })
    }

    /// The finished body of a chart. In zstd it is made of what is computed, in the other encodings
    /// of what is held in zstd: however many clients ask in however many ways, it is computed once.
    pub(crate) async fn body(
        self: &Arc<Self>,
        request: &Arc<Request>,
        id: ChartId,
        encoding: Encoding,
    ) -> Result<Cached<RawValue>, Error> {
        let key = id.key(encoding);
        if encoding == Encoding::Zstd {
            return self.in_zstd(request, id).await;
        }
        let (charts, request) = (Arc::clone(self), Arc::clone(request));
        let fill = move |_: FillCx<PrivateKey, RawValue>| async move {
            charts.text(&request, id, |text| id.finished(text, encoding)).await?
        };
        let body = self.bodies.get_or_fetch(&key, fill).await?;
        if body.source() != Source::Origin {
            self.figures.hit();
        }
        Ok(body)
    }

    async fn in_zstd(
        self: &Arc<Self>,
        request: &Arc<Request>,
        id: ChartId,
    ) -> Result<Cached<RawValue>, Error> {
        let (charts, request) = (Arc::clone(self), Arc::clone(request));
        let fill = move |_: FillCx<PrivateKey, RawValue>| async move {
            charts.compute(&request, |text| id.finished(text.as_bytes(), Encoding::Zstd)).await?
        };
        let body = self.bodies.get_or_fetch(&id.key(Encoding::Zstd), fill).await?;
        if body.source() != Source::Origin {
            self.figures.hit();
        }
        Ok(body)
    }

    /// Gives a chart as text to `finish`, for a larger answer that it is a part of, or for another
    /// encoding.
    pub(crate) async fn text<T>(
        self: &Arc<Self>,
        request: &Arc<Request>,
        id: ChartId,
        finish: impl Fn(&[u8]) -> T,
    ) -> Result<T, Error> {
        let body = self.in_zstd(request, id).await?;
        // What is stale must not become fresh in another encoding.
        if body.freshness() == Freshness::Fresh {
            let finished = UNPACKED.with_borrow_mut(|text| {
                encoding::unpack_zstd(&body.body, text).ok().map(|()| finish(text))
            });
            if let Some(finished) = finished {
                return Ok(finished);
            }
        }
        self.compute(request, |text| finish(text.as_bytes())).await
    }

    /// Computes a chart, and gives its text to `finish`.
    async fn compute<T>(
        self: &Arc<Self>,
        request: &Request,
        finish: impl FnOnce(&str) -> T,
    ) -> Result<T, Error> {
        let took = self.clock.stopwatch();
        let positions = self.positions(request).await?;
        let chart = Chart::draw(positions, request.options.clone(), request.natal);
        let calculation = took.elapsed();
        self.figures.computed(calculation);
        // Where the one before stood: a megabyte of fresh memory is slow to touch. Cleared first,
        // whatever a panic may have left there.
        TEXT.with_borrow_mut(|text| {
            text.clear();
            text.shrink_to(MOST_KEPT);
            chart.write_geojson(text, calculation.as_secs_f64() * 1e3);
            Ok(finish(text))
        })
    }

    /// Where the bodies are: held, or computed.
    async fn positions(&self, request: &Request) -> Result<Positions, Error> {
        let place = request.natal.map(|natal| natal.place);
        // Only lots depend on it.
        let place = place.filter(|_| request.bodies.iter().any(|body| body.kind() == Kind::Lot));
        let names: Vec<_> = request.bodies.iter().map(|body| body.name()).collect();
        let (instant, bodies) = (request.instant, request.bodies.clone());
        let of_place = place.map(|place| (place.latitude(), place.longitude()));
        let data = format!("{VERSION};{};{};{of_place:?}", instant.unix(), names.join(","));
        let fill = move |_: FillCx<PrivateKey, Seen>| async move {
            let positions = Positions::at(instant, &bodies, place)?;
            Ok::<_, NoBirthplace>(Fill::new(Seen(positions)).tags([TAG]))
        };
        let seen = self.positions.get_or_fetch(&PrivateKey::of(&data), fill).await?;
        Ok(seen.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use spence_acg::LinesRequest;
    use twox_hash::XxHash3_64;

    use super::*;

    /// What is kept is served for a month: whoever changes what is written raises [`ALGORITHM`],
    /// and then the hash here.
    #[test]
    fn other_answers_have_another_algorithm() {
        let asked: LinesRequest = serde_json::from_str(
            r#"{
                "epoch": "1990-06-15T12:00:00+02:00",
                "bodies": [{ "id": "Moon" }, { "id": "Mars" }, { "id": "Spica" }, { "id": "Spirit" }],
                "options": { "aspects": ["trine"], "local_space": true, "orb_deg": 5, "precision": 3 },
                "natal": { "birthplace_lat": 52.52, "birthplace_lon": 13.41 },
                "near": "48.2,16.4"
            }"#,
        )
        .unwrap();
        let request = Request::new(&asked).unwrap();
        let place = request.natal.map(|natal| natal.place);
        let positions = Positions::at(request.instant, &request.bodies, place).unwrap();
        let text = Chart::draw(positions, request.options, request.natal).to_geojson(0.5);
        let hash = XxHash3_64::oneshot(text.as_bytes());
        assert_eq!(
            (ALGORITHM, VERSION, hash),
            (3, "spence-1900-2100-1", 15_153_633_190_369_772_863)
        );
    }
}
