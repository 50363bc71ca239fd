//! acg: positions and lines, from the shell.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::Shell;

fn reference() -> Value {
    let packed = include_bytes!("../../../spence-acg/tests/golden/reference.json.gz");
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&String> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn positions_are_a_record_like_those_of_the_reference() {
    let shell = Shell::new("{}");
    let set = reference();
    let record = &set["records"][3];
    let delta_t = record["delta_t_s"].to_string();
    let ut1 = record["ut1"].as_str().unwrap();
    let place = format!("London={},{}", 51.5074, -0.1278);
    let args = ["--ut1", ut1, "--delta-t-seconds", &delta_t, "--place", &place];
    let found = shell.json(&[&["acg", "positions"], &args[..]].concat());
    assert_eq!(keys(&found), keys(record));
    for (name, body) in found["bodies"].as_object().unwrap() {
        let Some(expected) = record["bodies"].get(name) else { continue };
        assert_eq!(keys(body), keys(expected), "{name}");
        for key in ["ra", "dec", "mc_lon"] {
            let off = body[key].as_f64().unwrap() - expected[key].as_f64().unwrap();
            assert!(off.abs() < 0.002, "{name} {key}: {off}");
        }
        assert_eq!(keys(&body["ac_lon"]), keys(&expected["ac_lon"]));
    }
    assert_eq!(keys(&found["places"]["London"]), keys(&record["places"]["London"]));
    let expected = &record["parans"];
    assert_eq!(found["parans"].as_array().unwrap().len(), expected.as_array().unwrap().len());
    assert_eq!(keys(&found["parans"][0]), keys(&expected[0]));
    assert_eq!(keys(&found["aspect_lines"]["Sun"]), keys(&record["aspect_lines"]["Sun"]));
    let table = shell.ok(&["acg", "positions", "--ut1", ut1]);
    assert_eq!(table.lines().count(), 1 + 18, "{table}");
}

#[test]
fn lines_are_told_as_a_table_and_written_as_geojson() {
    let shell = Shell::new("{}");
    let epoch = ["acg", "lines", "--epoch", "1990-06-15T12:00:00+02:00"];
    let args = [&epoch[..], &["--bodies", "Sun,Moon", "--near", "52.52,13.41"]].concat();
    insta::assert_snapshot!(shell.ok(&args));
    assert_eq!(shell.ok(&[&args[..], &["--geojson", "out.geojson"]].concat()), "");
    let written = std::fs::read_to_string(shell.dir.path().join("out.geojson")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["features"].as_array().unwrap().len(), 8);
    assert_eq!(written, shell.json(&args));
    let with_parans = shell.json(&[&epoch[..], &["--parans", "--aspects", "trine"]].concat());
    let count = with_parans["features"].as_array().unwrap().len();
    assert_eq!(json!(count), json!(11 * (4 + 4) + 330));
    for (wrong, expected) in [
        (&["--bodies", "Chiron"][..], "bodies[0].id: unknown body \"Chiron\""),
        (&["--place", "99,0"], "--place: latitude 99, longitude 0"),
        (&["--local-space"], "natal: local space begins at a birthplace"),
        (&["--precision", "12"], "options.precision: 12: expected 3 to 8 decimals"),
    ] {
        let (code, said) = shell.fails(&[&epoch[..], wrong].concat());
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let (code, said) = shell.fails(&["acg", "lines", "--epoch", "1850-01-01T00:00:00Z"]);
    assert!(code == 3 && said.contains("1900-01-01T00:00:00Z to 2100-12-31"), "{said}");
}
