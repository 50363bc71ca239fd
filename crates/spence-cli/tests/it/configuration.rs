//! Looking into the configuration, and changing it under a running server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Shell, get, wait};

#[test]
fn a_configuration_is_checked_explained_and_imported() {
    let shell = Shell::new("memory: { budget: 64MB }\npolicies: { mine: { ttl: 5m } }\n");
    assert_eq!(shell.ok(&["config", "check"]), "the configuration is right\n");
    let shown = shell.ok(&["config", "explain", "memory.budget"]);
    assert!(shown.contains("memory.budget") && shown.contains("64MB") && shown.contains("file"));
    let shown = shell.json(&["config", "explain", "policies.mine.jitter"]);
    let expected = json!([{ "setting": "policies.mine.jitter", "value": "0.1", "from": "defaults: built-in" }]);
    assert_eq!(shown, expected);
    let all = shell.json(&["config", "explain"]);
    assert!(all.as_array().unwrap().len() > 100);
    assert!(shell.ok(&["config", "explain", "market.api_key"]).contains("null"));
    assert_eq!(shell.fails(&["config", "explain", "nosuch"]).0, 1);
    let (code, said) = shell.fails(&["config", "check", "--set", "disk.dir=''"]);
    assert!(code == 3 && said.contains("disk.dir: is empty"), "{said}");

    std::fs::write(shell.dir.path().join("bad.yaml"), "memory: { budgit: 1MB }\n").unwrap();
    let (code, said) = shell.fails(&["config", "check", "--config", "bad.yaml"]);
    assert!(code == 3 && said.contains("bad.yaml") && said.contains("budgit"), "{said}");

    let theirs = "cache: { memory: { max_size: 1000 }, ttl_by_data_type: { CPI_INDEX: 86400 } }";
    std::fs::write(shell.dir.path().join("cache_config.yaml"), theirs).unwrap();
    let ours = shell.ok(&["config", "import", "cache_config.yaml"]);
    std::fs::write(shell.dir.path().join("spence.yaml"), ours).unwrap();
    assert!(shell.ok(&["config", "explain", "memory.max_entries"]).contains("1000"));
    let (code, said) = shell.fails(&["config", "import", "nosuch.yaml"]);
    assert!(code == 3 && said.contains("nosuch.yaml"), "{said}");

    // What is printed as the defaults is a right configuration that changes nothing.
    let defaults = shell.ok(&["config", "defaults"]);
    std::fs::write(shell.dir.path().join("spence.yaml"), defaults).unwrap();
    assert_eq!(shell.ok(&["config", "check"]), "the configuration is right\n");
}

#[test]
fn a_changed_file_comes_into_force_by_command_or_signal_and_a_wrong_one_never() {
    let shell = Shell::new("policies: { notes: { ttl: 1h } }\n");
    let server = shell.start(&["serve"]);
    let file = shell.dir.path().join("spence.yaml");
    let ttl = || {
        let policy = shell.json(&["explain", "notes", "a"])["policy"].clone();
        let ttl = policy.as_array().unwrap().iter().find(|s| s["name"] == "ttl").cloned();
        ttl.unwrap()["value"].as_str().unwrap().to_owned()
    };
    shell.ok(&["set", "notes", "a", "hello"]);
    assert_eq!(ttl(), "1h");
    assert_eq!(shell.ok(&["config", "reload"]), "nothing is different\n");

    std::fs::write(&file, "policies: { notes: { ttl: 2h } }\n").unwrap();
    assert_eq!(shell.ok(&["config", "reload"]), "changed: policies.notes\n");
    assert_eq!((ttl().as_str(), shell.ok(&["get", "notes", "a"]).as_str()), ("2h", "hello"));

    std::fs::write(&file, "policies: { notes: { ttl: soon } }\n").unwrap();
    server.hang_up();
    wait(Duration::from_millis(200));
    assert_eq!(ttl_of(&shell), "2h");

    std::fs::write(&file, "policies: { notes: { ttl: 3h } }\n").unwrap();
    server.hang_up();
    for _ in 0..100 {
        if ttl() == "3h" {
            break;
        }
        wait(Duration::from_millis(50));
    }
    assert_eq!(ttl(), "3h");
    assert_eq!(server.terminate(), Some(0));
    let (code, said) = shell.fails(&["config", "reload"]);
    assert!(code == 5 && said.contains("no server answers"), "{said}");
}

/// Asked over HTTP, since the commands read the file too.
fn ttl_of(shell: &Shell) -> String {
    let (_, _, body) = get(&shell.url("/api/v1/cache/explain/notes/a"));
    let explanation: Value = serde_json::from_str(&body).unwrap();
    let policy = explanation["policy"].as_array().unwrap();
    let ttl = policy.iter().find(|setting| setting["name"] == "ttl").unwrap();
    ttl["value"].as_str().unwrap().to_owned()
}

#[test]
fn clear_must_be_meant_and_explain_warm_and_dry_run_say_what_they_do() {
    let shell = Shell::new("{}");
    shell.ok(&["set", "notes", "a", "hello"]);
    let (code, said) = shell.fails(&["clear"]);
    assert!(code == 3 && said.contains("yes"), "{said}");
    let (code, said) = shell.fails(&["invalidate", "notes", "--glob", "*"]);
    assert!(code == 3 && said.contains("--yes"), "{said}");
    assert_eq!(
        shell.ok(&["clear", "--dry-run"]),
        "would reach everything in all namespaces: 0 in memory, 1 on disk\n"
    );
    let told = shell.ok(&["explain", "notes", "a"]);
    assert!(told.contains("disk    fresh, ") && told.contains("negative_ttl"), "{told}");
    let warmed = shell.ok(&["warm", "OHLCV", "AAPL:1d:3:2012-06-29", "IBM:1d:3:2012-06-29"]);
    assert_eq!(warmed, "2 fetched, 0 held already, 0 failed\n");
    std::fs::write(shell.dir.path().join("keys"), "AAPL:1d:3:2012-06-29\nZZ:1d:1:latest\n")
        .unwrap();
    let (code, said) = shell.fails(&["warm", "OHLCV", "--file", "keys", "--per-second", "100"]);
    assert!(code == 4 && said.contains("1 of 2 keys failed"), "{said}");
    assert_eq!(
        shell.ok(&["clear", "--yes"]),
        "cleared everything in all namespaces (scope: node)\n"
    );
    assert_eq!(shell.fails(&["get", "notes", "a"]).0, 1);
    assert_eq!(shell.fails(&["events"]).0, 5);
}
