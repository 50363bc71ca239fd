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
    for wrong in ["=1,1", "London=0,0"] {
        let (code, _) =
            shell.fails(&[&["acg", "positions"], &args[..], &["--place", wrong]].concat());
        assert_eq!(code, 3, "{wrong}");
    }
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
    let printed = shell.json(&args);
    let features = |chart: &Value| {
        let mut features = chart["features"].as_array().unwrap().clone();
        for feature in &mut features {
            let properties = feature["properties"].as_object_mut().unwrap();
            assert!(properties.remove("calculation_time_ms").unwrap().as_f64().unwrap() > 0.0);
        }
        features
    };
    assert_eq!(features(&written), features(&printed));
    let with_parans = shell.json(&[&epoch[..], &["--parans", "--aspects", "trine"]].concat());
    let count = with_parans["features"].as_array().unwrap().len();
    assert_eq!(json!(count), json!(11 * (4 + 4) + 330));
    for (wrong, expected) in [
        (&["--geojson", "a", "--svg", "./a"][..], "--geojson and --svg: expected two files"),
        (&["--bodies", "Chiron"], "bodies[0].id: unknown body \"Chiron\""),
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

#[test]
fn a_file_of_charts_is_drawn_and_a_bad_row_fails_alone() {
    let shell = Shell::new("{}");
    let file = shell.dir.path().join("charts.csv");
    let row = "ann,1990-06-15T12:00:00+02:00,\"52.52,  13.41\",Sun Fortune";
    std::fs::write(
        &file,
        format!("\u{FEFF}id,epoch,place,bodies\n{row}\n\nbob,2000-01-01T12:00Z,,\n"),
    )
    .unwrap();
    let told = shell.ok(&["acg", "batch", "charts.csv"]);
    let charts: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((charts.len(), &charts[0]["id"]), (2, &json!("ann")));
    assert_eq!(charts[0]["response"]["features"].as_array().unwrap().len(), 8);
    assert_eq!(charts[1]["response"]["features"].as_array().unwrap().len(), 44);
    assert_eq!(shell.ok(&["acg", "batch", "charts.csv", "--out", "out.ndjson"]), "");
    let written = std::fs::read_to_string(shell.dir.path().join("out.ndjson")).unwrap();
    assert_eq!(written.lines().count(), 2);
    let (code, said) = shell.fails(&["acg", "batch", "charts.csv", "--out", "./charts.csv"]);
    assert!(code == 3 && said.contains("--out: expected another file"), "{said}");

    std::fs::write(
        &file,
        b"epoch,bodies\ntomorrow,\n\n\r\n2000-01-01T12:00Z,Fortune\n2000-01-01T12:00Z,Sun\n,,\n\
            2000-01-01T12:00Z,M\xE4rz\n",
    )
    .unwrap();
    let output = shell.run(&["acg", "batch", "charts.csv"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for expected in [
        "line 2: epoch: \"tomorrow\"",
        "line 5: natal: Fortune",
        "line 7: 3 cells, expected 2",
        "line 8: bodies: expected UTF-8",
        "4 of 5 charts were refused",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 5);
    for (text, expected) in [
        ("epoch,epoch\n", "line 1: column epoch is there twice"),
        ("when\n1990\n", "line 1: column \"when\": expected some of epoch, id, place, bodies"),
        ("id\nann\n", "line 1: no column epoch"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, said) = shell.fails(&["acg", "batch", "charts.csv"]);
        assert!(code == 3 && said.contains(expected), "{said}");
    }
    assert_eq!(shell.fails(&["acg", "batch", "nowhere.csv"]).0, 3);
}
