//! Help texts are what people read first, so changes to them are seen in review.

use crate::Shell;

#[test]
fn help_texts() {
    let shell = Shell::new("{}");
    insta::assert_snapshot!("spence", shell.ok(&["--help"]));
    for command in [
        "serve",
        "get",
        "set",
        "invalidate",
        "expire",
        "clear",
        "explain",
        "warm",
        "events",
        "config",
        "stats",
        "bars",
        "scan",
        "indicators",
        "calendar",
        "feed",
    ] {
        insta::assert_snapshot!(command, shell.ok(&[command, "--help"]));
    }
}
