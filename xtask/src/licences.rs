//! Every dependency has a permissive licence.

use spdx::{Expression, LicenseItem};

use crate::Complaints;
use crate::metadata::{packages, read, text};

const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(crate) fn check() -> anyhow::Result<Complaints> {
    let metadata = read(true)?;
    let mut complaints = Vec::new();
    for package in packages(&metadata)? {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let licence = text(package, "license");
        // Some older crates write a slash for "or".
        let spelled = licence.replace('/', " OR ");
        let permitted = Expression::parse(&spelled).is_ok_and(|expression| {
            expression.evaluate(|requirement| match &requirement.license {
                LicenseItem::Spdx { id, .. } => ALLOWED.contains(&id.name),
                LicenseItem::Other { .. } => false,
            })
        });
        if !permitted {
            complaints.push(format!("{name} {version}: licence {licence:?} is not permitted"));
        }
    }
    Ok(complaints)
}
