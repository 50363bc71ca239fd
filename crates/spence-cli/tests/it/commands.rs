//! get, set, invalidate, expire, stats and bars, on a directory and through a server.

use serde_json::json;

use crate::{Shell, exists};

#[test]
fn a_value_is_set_and_read_by_separate_commands_on_the_directory() {
    let shell = Shell::new("{}");
    assert_eq!(
        shell.ok(&["set", "notes", "a b/c", "hello", "--tag", "x"]),
        "put 5 B under notes/a b/c\n"
    );
    assert!(exists(&shell.cache_dir()));
    assert_eq!(shell.ok(&["get", "notes", "a b/c"]), "hello");
    let shown = shell.json(&["get", "notes", "a b/c"]);
    assert_eq!((&shown["value"], &shown["source"]), (&json!("hello"), &json!("disk")));
    assert_eq!(
        shell.ok(&["invalidate", "--tag", "x"]),
        "invalidated everything tagged x (scope: node)\n"
    );
    assert_eq!(
        shell.fails(&["get", "notes", "a b/c"]),
        (1, "spence: nothing under notes/a b/c".into())
    );
}

#[test]
fn an_invalidation_that_redis_cannot_be_told_of_is_written_down_or_fails() {
    let shell = Shell::new("redis: { url: 'redis://127.0.0.1:1' }");
    shell.ok(&["set", "notes", "a", "1"]);
    let said = shell.ok(&["invalidate", "notes", "a"]);
    assert_eq!(said, "invalidated notes/a (scope: queued, on disk)\n");
    let said = shell.ok(&["stats"]);
    let shared = said.lines().last().unwrap();
    assert!(shared.starts_with("redis: away (127.0.0.1:1: Connection refused"), "{said}");
    // That of `set`, and the invalidation.
    assert!(shared.ends_with("; 2 queued, 0 errors"), "{said}");
    for command in ["invalidate", "expire"] {
        let (code, said) = shell.fails(&[command, "--set", "disk.enabled=false", "notes", "a"]);
        assert_eq!(code, 5, "{said}");
        assert!(said.contains("nobody would be told"), "{said}");
    }
}

#[test]
fn a_value_comes_from_a_file_or_standard_input_whatever_its_bytes() {
    let shell = Shell::new("{}");
    let bytes: Vec<u8> = (0..=255).collect();
    std::fs::write(shell.dir.path().join("value.bin"), &bytes).unwrap();
    shell.ok(&["set", "notes", "bin", "--file", "value.bin", "--content-type", "image/x"]);
    assert_eq!(shell.run(&["get", "notes", "bin"]).stdout, bytes);
    let shown = shell.json(&["get", "notes", "bin"]);
    assert_eq!(shown["content_type"], "image/x");
    assert!(shown["value_base64"].as_str().unwrap().starts_with("AAECAwQF"));

    let file = std::fs::File::open(shell.dir.path().join("value.bin")).unwrap();
    let set = shell.command(&["set", "notes", "stdin", "--file", "-"]).stdin(file).status();
    assert!(set.unwrap().success());
    assert_eq!(shell.run(&["get", "notes", "stdin"]).stdout, bytes);
}

#[test]
fn bars_are_printed_as_table_csv_and_json() {
    let shell = Shell::new("{}");
    let args = ["bars", "AAPL", "--bars", "2", "--end", "2012-06-29"];
    insta::assert_snapshot!(shell.ok(&args));
    insta::assert_snapshot!(shell.ok(&[&args[..], &["--csv"]].concat()));
    let shown = shell.json(&args);
    assert_eq!((&shown["count"], &shown["bars"][1]["close"]), (&json!(2), &json!(584.0)));
    let said = String::from_utf8(shell.run(&args).stderr).unwrap();
    assert!(said.starts_with("2 bars from disk, fresh, "), "{said}");
    assert!(said.contains("built-in demo feed"), "{said}");
}

#[test]
fn commands_go_to_the_server_when_one_answers() {
    let shell = Shell::new("{}");
    let server = shell.start(&["serve"]);
    shell.ok(&["set", "notes", "a", "hello"]);
    shell.ok(&["get", "notes", "a"]);
    assert!(shell.fails(&["get", "notes", "b"]).1.contains("nothing under"));
    let stats = shell.json(&["stats"]);
    assert_eq!(stats["caches"]["notes"]["hits"], 1);
    assert_eq!(stats["caches"]["notes"]["inserts"], 1);
    insta::with_settings!({ filters => vec![(r"\d[\d.]* k?B", "[size]"), (r" +", " ")] }, {
        insta::assert_snapshot!(shell.ok(&["stats"]));
    });
    let (code, said) = shell.fails(&["get", "notes", "a", "--local"]);
    assert_eq!(code, 5);
    assert!(said.contains("is in use by process"), "{said}");
    let url = server.url();
    assert_eq!(shell.ok(&["--server", &url, "get", "notes", "a"]), "hello");
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(shell.ok(&["get", "notes", "a"]), "hello", "from the directory");
}

#[test]
fn wrong_input_is_one_line_and_a_documented_exit_code() {
    let shell = Shell::new("{}");
    let check = |args: &[&str], code: i32, expected: &str| {
        let (got, said) = shell.fails(args);
        assert_eq!(got, code, "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
        if code != 2 {
            assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
        }
    };
    check(&["bars", "AAPL", "--bars", "0"], 3, "bars: 0, expected 1 to 50000");
    check(&["bars", "AAPL", "--end", "soon"], 3, "end: `soon` is not a date");
    check(&["bars", "NOSUCH"], 1, "no bars of NOSUCH");
    check(&["set", "../x", "a", "v"], 3, "contains '/'");
    check(&["set", "n", "", "v"], 3, "key: is empty");
    check(&["set", "n", "a", "--file", "missing"], 3, "read missing: No such file");
    check(&["set", "n", "a", "v", "--ttl", "5"], 2, "has no unit");
    check(&["set", "n", "a", "v", "--tag", "a,b"], 3, "must not contain a comma");
    check(&["set", "n", "a"], 2, "required");
    check(&["invalidate"], 2, "required");
    check(&["invalidate", "n", "key", "--glob", "x*"], 2, "cannot be used with");
    check(&["invalidate", "OHLCV", "AAPL"], 3, "1 parts, expected 2");
    check(&["expire", "n", "--glob", "[a"], 3, "without a closing");
    check(&["--server", "http://127.0.0.1:1", "stats"], 5, "server http://127.0.0.1:1");
    check(&["--set", "memory.budget", "stats"], 3, "expected KEY=VALUE");
    check(&["--set", "memory.budgit=1MB", "stats"], 3, "unknown field `budgit`");
    check(&["--config", "none.yaml", "stats"], 3, "read none.yaml");
    check(&["--profile", "prod", "stats"], 3, "profile \"prod\" is not in the file");
    check(&["feed", "--listen", "0.0.0.0:1"], 3, "loopback");
    let broken = Shell::new("memory: { budget: lots }");
    let (code, said) = broken.fails(&["stats"]);
    assert_eq!(code, 3);
    assert!(said.contains("spence.yaml:1:19") && said.contains("^ `lots` is not a size"), "{said}");
}

#[test]
fn wrong_usage_is_one_line_too_and_json_where_it_was_asked_for() {
    let shell = Shell::new("{}");
    let (code, said) = shell.fails(&["bars", "AAPL", "--barz", "3"]);
    let like = "spence: unexpected argument '--barz' found; a similar argument exists: '--bars'";
    assert_eq!((code, said), (2, format!("{like}; try --help")));
    let (_, said) = shell.fails(&["bars", "AAPL", "--bars", "x"]);
    let like = "spence: invalid value 'x' for '--bars <BARS>': invalid digit found in string";
    assert_eq!(said, format!("{like}; try --help"));
    let (code, said) = shell.fails(&["get", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["exit_code"]), (2, &2.into()));
    assert!(said["error"].as_str().unwrap().contains("<NAMESPACE> <KEY>"), "{said}");
    // No arguments at all ask for help.
    assert!(shell.fails(&[]).1.contains("Commands:"));
}

#[test]
fn what_nothing_would_keep_is_no_success_and_strangers_are_not_spence() {
    let shell = Shell::new("disk: { enabled: false }");
    let (code, said) = shell.fails(&["set", "n", "k", "v"]);
    assert_eq!(code, 5);
    assert!(said.contains("nothing would keep the value"), "{said}");
    assert_eq!(shell.fails(&["bars", ""]).0, 3);

    // A server of somebody else's.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            use std::io::{Read, Write};
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            drop(connection.read(&mut request));
            drop(connection.write_all(b"HTTP/1.1 501 No\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    for command in [&["events"][..], &["warm", "OHLCV", "AAPL:1d:1:latest"], &["stats"]] {
        let (code, said) = shell.fails(&[command, &["--server", &url]].concat());
        assert_eq!(code, 5, "{command:?}");
        assert!(said.contains("is not spence"), "{said}");
    }
}

#[test]
fn an_origin_that_fails_is_exit_code_4() {
    let shell = Shell::new("market: { base_url: 'http://127.0.0.1:1' }");
    let (code, said) = shell.fails(&["bars", "AAPL"]);
    assert_eq!(code, 4);
    assert!(said.starts_with("spence: origin failed: provider unreachable"), "{said}");
}

#[test]
fn a_server_that_cannot_be_asked_is_no_miss() {
    let shell = Shell::new("{}");
    for server in ["127.0.0.1:8321", "localhost:8321", "ftp://h", "http://", "http://h/?x=1"] {
        let (code, said) = shell.fails(&["get", "notes", "a", "--server", server]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("expected a URL such as http://127.0.0.1:8321"), "{said}");
    }
    let running = shell.start(&["serve"]);
    for path in ["", "/"] {
        let (code, said) = shell.fails(&["get", "notes", "a", "--server", &shell.url(path)]);
        assert_eq!((code, said.as_str()), (1, "spence: nothing under notes/a"));
    }
    let (code, said) = shell.fails(&["get", "notes", "a", "--server", &shell.url("/elsewhere")]);
    assert_eq!((code, said.as_str()), (5, "spence: server: no such path; is its URL right?"));
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn a_tag_that_is_none_is_refused() {
    let shell = Shell::new("{}");
    for tag in ["", " "] {
        let said = shell.fails(&["set", "notes", "a", "b", "--tag", tag]);
        assert_eq!(said, (3, "spence: tag: must not be empty".into()));
    }
    assert_eq!(shell.fails(&["get", "notes", "a"]).0, 1);
}
