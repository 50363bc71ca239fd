//! Three numbers: a place or a direction.

/// x, y and z: towards the equinox, 90 degrees east of it on the equator, towards the pole.
pub type Vector = [f64; 3];
/// Rows of a rotation.
pub type Matrix = [[f64; 3]; 3];

pub(crate) fn plus(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(crate) fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn times(scale: f64, a: Vector) -> Vector {
    a.map(|one| scale * one)
}

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

pub(crate) fn unit(a: Vector) -> Vector {
    times(1.0 / length(a), a)
}

pub(crate) fn rotate(matrix: &Matrix, a: Vector) -> Vector {
    matrix.map(|row| dot(row, a))
}

/// About the x axis, from the equator to a plane that is tilted by `angle`.
pub(crate) fn tilt(angle: f64, [x, y, z]: Vector) -> Vector {
    let (sin, cos) = angle.sin_cos();
    [x, cos * y + sin * z, cos * z - sin * y]
}

/// Longitude from 0 to 2 pi and latitude, in radians.
pub(crate) fn angles([x, y, z]: Vector) -> (f64, f64) {
    (y.atan2(x).rem_euclid(std::f64::consts::TAU), z.atan2(x.hypot(y)))
}

pub(crate) fn direction(longitude: f64, latitude: f64) -> Vector {
    let (sin, cos) = longitude.sin_cos();
    [latitude.cos() * cos, latitude.cos() * sin, latitude.sin()]
}
