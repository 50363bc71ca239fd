//! The points of a line, in parts that never cross the 180th meridian (RFC 7946, section 3.1.9).

/// Longitude, latitude in degrees.
pub type Point = [f64; 2];

/// Nearer than this (0.1 mm) points are one.
const SAME: f64 = 1e-9;

/// From here to the pole (11 m) a turn of more than six degrees is a way over it.
const AT_POLE: f64 = 89.9999;

/// One part, or more of them where the line goes over the edge of the map, or over a pole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    parts: Vec<Vec<Point>>,
}

/// A longitude between -180 and 180.
#[must_use]
pub fn wrapped(degrees: f64) -> f64 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

impl Path {
    /// Each part has two points at least.
    #[must_use]
    pub fn parts(&self) -> &[Vec<Point>] {
        &self.parts
    }

    /// Through points that need no splitting.
    pub(crate) fn whole(points: impl IntoIterator<Item = Point>) -> Path {
        Path { parts: vec![points.into_iter().collect()] }
    }

    /// Through `points`, whose longitudes may be any; `at_edge` says at which latitude the line
    /// between two of them meets the 180th meridian.
    pub(crate) fn split(
        points: impl IntoIterator<Item = Point>,
        at_edge: impl Fn(Point, Point) -> f64,
    ) -> Path {
        let mut path = Path { parts: vec![Vec::with_capacity(184)] };
        let mut before: Option<Point> = None;
        for [longitude, latitude] in points {
            let point = [wrapped(longitude), latitude];
            if let Some(from) = before {
                let edge = 180.0_f64.copysign(from[0]);
                let is_at_pole = from[1].abs().min(latitude.abs()) > AT_POLE;
                if is_at_pole && wrapped(from[0] - point[0]).abs() > 6.0 {
                    let pole = 90.0_f64.copysign(latitude);
                    path.part([from[0], pole], [point[0], pole]);
                } else if (from[0] - point[0]).abs() > 180.0 {
                    let crossing = at_edge(from, point);
                    path.part([edge, crossing], [-edge, crossing]);
                }
            }
            path.add(point);
            before = Some(point);
        }
        path.parts.retain(|part| part.len() > 1);
        path
    }

    /// Ends a part at `end` and begins another at `start`.
    fn part(&mut self, end: Point, start: Point) {
        self.add(end);
        self.parts.push(Vec::with_capacity(184));
        self.add(start);
    }

    fn add(&mut self, point: Point) {
        let Some(part) = self.parts.last_mut() else { return };
        let again = part.last().is_some_and(|last| {
            (last[0] - point[0]).abs() < SAME && (last[1] - point[1]).abs() < SAME
        });
        if !again {
            part.push(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the straight line between two points meets the 180th meridian.
    fn between(from: Point, to: Point) -> f64 {
        let before = 180.0 - from[0].abs();
        let after = 180.0 - to[0].abs();
        let share = if before + after > 0.0 { before / (before + after) } else { 0.5 };
        from[1] + share * (to[1] - from[1])
    }

    #[test]
    fn a_line_over_the_edge_has_two_parts_that_end_there() {
        let path = Path::split([[170.0, 0.0], [190.0, 10.0]], between);
        assert_eq!(
            path.parts(),
            [vec![[170.0, 0.0], [180.0, 5.0]], vec![[-180.0, 5.0], [-170.0, 10.0]]]
        );
    }

    #[test]
    fn a_point_on_the_edge_makes_no_part_without_length() {
        let path = Path::split([[170.0, 0.0], [180.0, 5.0], [190.0, 10.0]], between);
        let parts: Vec<_> = path.parts().iter().map(Vec::len).collect();
        assert_eq!(parts, [2, 2]);
        let path = Path::split([[180.0, 5.0], [170.0, 0.0]], between);
        assert_eq!(path.parts(), [vec![[180.0, 5.0], [170.0, 0.0]]]);
    }
}
