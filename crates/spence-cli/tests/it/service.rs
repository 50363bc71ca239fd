//! `spence serve` and `spence feed` from the outside, as an operator runs them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Running, Shell, get, wait};

const AAPL: &str = "/api/v1/market/bars/AAPL?bars=90&end=2012-06-29";

fn feed(shell: &Shell, args: &[&str]) -> Running {
    shell.start(&[&["feed", "--listen", "127.0.0.1:0"], args].concat())
}

fn serve(shell: &Shell, feed: &str) -> Running {
    let mut command = shell.command(&["serve"]);
    command.env("SPENCE__MARKET__BASE_URL", feed);
    Running::start(command)
}

fn source(shell: &Shell, path: &str) -> String {
    let (status, headers, _) = get(&shell.url(path));
    assert_eq!(status, 200);
    headers["x-spence-source"].to_str().unwrap().to_owned()
}

#[test]
fn bars_come_from_origin_memory_and_after_a_restart_from_disk_with_one_call() {
    let shell = Shell::new("{}");
    let feed = feed(&shell, &["--latency", "5ms", "--rate", "100"]);
    let server = serve(&shell, &feed.url());
    let (_, _, body) = get(&shell.url(AAPL));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["bars"].as_array().unwrap().len(), 90);
    assert_eq!(source(&shell, AAPL), "memory");
    assert_eq!(server.terminate(), Some(0));
    let server = serve(&shell, &feed.url());
    assert_eq!(source(&shell, AAPL), "disk");
    let (_, _, calls) = get(&format!("{}/__feed/calls", feed.url()));
    assert_eq!(serde_json::from_str::<Value>(&calls).unwrap()["calls"], 1);
    let stats = shell.json(&["stats"]);
    let bars = &stats["caches"]["OHLCV"];
    assert_eq!((&bars["hits"], &bars["misses"]), (&json!(1), &json!(0)));
    assert!(bars["origin_seconds_saved"].as_f64().unwrap() >= 0.005);
    drop(server);
}

#[test]
fn a_killed_server_leaves_what_it_accepted() {
    let shell = Shell::new("{}");
    let mut server = shell.start(&["serve"]);
    shell.ok(&["set", "notes", "a", "hello"]);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert_eq!(shell.ok(&["get", "notes", "a"]), "hello");
}

#[test]
fn with_the_feed_stopped_an_expired_answer_is_stale_and_then_an_error() {
    let shell = Shell::new("policies: { OHLCV: { stale_if_error: 2s } }");
    let feed = feed(&shell, &[]);
    let server = serve(&shell, &feed.url());
    assert_eq!(source(&shell, AAPL), "origin");
    assert_eq!(feed.terminate(), Some(0));
    shell.ok(&["expire", "OHLCV", "AAPL:1d"]);
    let (status, headers, _) = get(&shell.url(AAPL));
    assert_eq!((status, headers["x-spence-freshness"].to_str().unwrap()), (200, "stale"));
    assert!(headers["x-spence-stale-reason"].to_str().unwrap().starts_with("origin-failed"));
    wait(Duration::from_secs(3));
    let (status, _, body) = get(&shell.url(AAPL));
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &error["status"], &error["path"]),
        (502, &json!(502), &json!("/api/v1/market/bars/AAPL"))
    );
    drop(server);
}

#[test]
fn an_address_in_use_is_said_in_one_line() {
    let shell = Shell::new("{}");
    let _server = shell.start(&["serve"]);
    let (code, said) = shell.fails(&["serve"]);
    assert_eq!(code, 5);
    assert!(said.contains("Address already in use") && said.lines().count() == 1, "{said}");
}

#[test]
fn the_banner_says_what_is_served_and_what_to_try() {
    let shell = Shell::new("{}");
    let server = shell.start(&["serve"]);
    let banner = server.banner.join("\n");
    let port = shell.port.to_string();
    insta::with_settings!({ filters => vec![(port.as_str(), "[port]")] }, {
        insta::assert_snapshot!(banner);
    });
}

#[test]
fn the_log_tells_hits_and_calls_with_size_and_time_and_neither_keys_nor_values() {
    let shell = Shell::new("{}");
    let feed = feed(&shell, &[]);
    let log = |shell: &Shell, level: &str, reads: usize| {
        let path = shell.dir.path().join("log");
        let mut command = shell.command(&["--log", level, "serve"]);
        command.env("SPENCE__MARKET__BASE_URL", feed.url());
        command.stderr(std::fs::File::create(&path).unwrap());
        let server = Running::start(command);
        (0..reads).for_each(|_| drop(source(shell, AAPL)));
        assert_eq!(server.terminate(), Some(0));
        std::fs::read_to_string(path).unwrap()
    };
    let has = |log: &str, what: &str, fields: &[&str]| {
        let line = log.lines().find(|line| line.contains(what));
        let line = line.unwrap_or_else(|| panic!("no {what:?} in\n{log}"));
        let missing = fields.iter().find(|field| !line.contains(**field));
        assert!(missing.is_none(), "{missing:?} is not in {line}");
    };
    let first = log(&shell, "debug", 3);
    has(&first, "origin call", &["INFO", "cache=\"OHLCV\"", "key=\"", "bytes=", "took="]);
    has(&first, "memory hit", &["DEBUG", "cache=\"OHLCV\"", "hit_rate=\"0.500\""]);
    assert!(first.contains("hit_rate=\"0.667\""), "it is the running rate:\n{first}");
    let second = log(&shell, "info", 2);
    has(&second, "disk hit", &["INFO", "cache=\"OHLCV\"", "bytes=", "took="]);
    assert!(!second.contains("memory hit"), "{second}");
    // What the answer holds, in digits that no time has.
    let server = serve(&shell, &feed.url());
    let body: Value = serde_json::from_str(&get(&shell.url(AAPL)).2).unwrap();
    assert_eq!(server.terminate(), Some(0));
    let volume = body["bars"][0]["volume"].to_string();
    assert!(volume.len() > 7, "{volume}");
    for told in [first, second] {
        let told = told.replace("/api/v1/market/bars/AAPL", "");
        assert!(!told.contains("AAPL") && !told.contains(volume.trim_end_matches(".0")), "{told}");
    }
}
