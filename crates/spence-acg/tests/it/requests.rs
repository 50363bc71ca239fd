//! What is asked, in the one form that answers are kept under.

use serde_json::{Value, json};
use spence_acg::{LinesRequest, Request, epoch_seconds};

fn canonical(asked: Value) -> String {
    Request::new(&serde_json::from_value(asked).unwrap()).unwrap().canonical()
}

#[test]
fn equal_requests_have_one_form_and_others_another() {
    let whole = |more: Value| {
        let mut asked = json!({ "epoch": "2000-01-01T12:00:00Z", "bodies": [{ "id": "Sun" }] });
        asked["natal"] = json!({ "birthplace_lat": 0, "birthplace_lon": 13 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        canonical(asked)
    };
    let natal = |lon: f64, houses: &str| json!({ "natal": { "birthplace_lat": 0, "birthplace_lon": lon, "houses_system": houses } });
    assert_eq!(whole(json!({})), whole(natal(13.0, "placidus")));
    for other in [
        json!({ "epoch": "2000-01-01T12:00:01Z" }),
        json!({ "bodies": [{ "id": "Moon" }] }),
        json!({ "near": "0,0" }),
        natal(13.1, "placidus"),
        natal(13.0, "equal"),
    ] {
        assert_ne!(whole(json!({})), whole(other.clone()), "{other}");
    }
    let asked = |options: Value, natal: Value| {
        let epoch = "2000-01-01T12:00:00Z";
        json!({ "epoch": epoch, "bodies": [{ "id": "Sun" }], "options": options, "natal": natal })
    };
    let place = |latitude: f64, height: i32| json!({ "birthplace_lat": latitude, "birthplace_lon": 13, "birthplace_alt_m": height });
    let plain = canonical(asked(json!({}), place(0.0, 0)));
    assert_eq!(plain, canonical(asked(json!({ "method": "zodiaco" }), place(-0.0, 34))));
    for (options, natal) in [
        (json!({ "method": "mundo" }), place(0.0, 0)),
        (json!({ "precision": 6 }), place(0.0, 0)),
        (json!({ "orb_deg": 2 }), place(0.0, 0)),
        (json!({ "flags": 1 }), place(0.0, 0)),
        (json!({ "local_space": true }), place(0.0, 0)),
        (json!({ "include_fixed_stars": true }), place(0.0, 0)),
        (json!({ "include_parans": false }), place(0.0, 0)),
        (json!({ "line_types": ["AC"] }), place(0.0, 0)),
        (json!({ "aspects": ["trine"] }), place(0.0, 0)),
        (json!({}), place(0.1, 0)),
        (json!({}), Value::Null),
    ] {
        assert_ne!(plain, canonical(asked(options.clone(), natal)), "{options}");
    }
}

#[test]
fn instants_are_read_to_the_nearest_second() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T23:59:00+23:59", 0),
        ("1970-01-01T01:00[Europe/Berlin]", 0),
        ("1970-01-01T00:00:00.9Z", 1),
        ("1969-12-31T23:59:58.6Z", -1),
        ("1969-12-31T23:59:58.4Z", -2),
    ] {
        assert_eq!(epoch_seconds(text), Ok(seconds), "{text}");
    }
    for (wrong, why) in [
        ("noon", "year"),
        ("1990-06-15", "time"),
        ("1990-02-30T12:00Z", "1..=28"),
        ("1990-02-20T24:00Z", "hour"),
        ("1990-02-20T12:00+24:00", "less than 24 hours"),
        ("1990-06-15T12:00[Europe/Atlantis]", "Atlantis"),
        ("1990-07-15T12:00+01:00[Europe/Berlin]", "`+02`"),
        ("2021-03-28T02:30[Europe/Berlin]", "gap"),
        ("2021-10-31T02:30[Europe/Berlin]", "fold"),
    ] {
        let said = epoch_seconds(wrong).unwrap_err();
        assert!(said.contains("expected an ISO 8601 instant") && said.contains(why), "{said}");
    }
    assert_eq!(epoch_seconds("2021-10-31T02:30+01:00[Europe/Berlin]"), Ok(1_635_643_800));
    assert!(epoch_seconds(&"9".repeat(1_000_000)).unwrap_err().len() < 500);
}

#[test]
fn whole_numbers_may_have_a_point_and_others_are_refused() {
    let asked = |precision: Value| {
        let asked = json!({ "epoch": "2000-01-01T12:00Z", "options": { "precision": precision } });
        serde_json::from_value::<LinesRequest>(asked)
    };
    assert_eq!(asked(json!(8.0)).unwrap(), asked(json!(8)).unwrap());
    for wrong in [json!(8.5), json!(1e300), json!(u64::MAX), json!("8")] {
        assert!(asked(wrong.clone()).is_err(), "{wrong}");
    }
}
