//! calendar, indicators and scan: market data from files, and scans through the cache.

use serde_json::json;

use crate::Shell;

const GOLDEN: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../spence-market/tests/golden/bars.csv.gz");
const IBM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spence-feed/data/IBM.csv");

#[test]
fn sessions_are_printed_as_table_csv_and_json() {
    let shell = Shell::new("{}");
    let args = ["calendar", "xnys", "--from", "2024-11-28", "--to", "2024-12-02"];
    insta::assert_snapshot!(shell.ok(&args));
    insta::assert_snapshot!(shell.ok(&[&args[..], &["--csv"]].concat()));
    let shown = shell.json(&args);
    assert_eq!((&shown["count"], &shown["zone"]), (&json!(2), &json!("America/New_York")));
    assert_eq!(shown["sessions"][0]["early_close"], true);
    let said = String::from_utf8(shell.run(&args).stderr).unwrap();
    assert_eq!(said, "XNYS (America/New_York): 2 sessions, 1 of them close early\n");
    assert!(shell.ok(&["calendar", "XLON"]).lines().count() >= 15, "four weeks from today");
    assert_eq!(shell.ok(&["calendar", "XBOM", "--from", "2026-12-30", "--csv"]).lines().count(), 3);
}

#[test]
fn indicators_of_a_file_are_printed_written_and_shown() {
    let shell = Shell::new("{}");
    insta::assert_snapshot!(shell.ok(&["indicators", IBM]));
    assert_eq!(shell.ok(&["indicators", IBM, "--csv", "out.csv"]), "");
    let written = std::fs::read_to_string(shell.dir.path().join("out.csv")).unwrap();
    assert_eq!(written, shell.ok(&["indicators", IBM, "--csv"]));
    assert_eq!(written.lines().count(), 3_271);
    assert!(written.starts_with("date,rsi14,macd,"), "{}", &written[..80]);
    assert!(!shell.dir.path().join("out.csv.part").exists());
    let shown = shell.json(&["indicators", GOLDEN, "--symbol", "x1flat"]);
    assert_eq!(shown["rows"][13]["rsi14"], json!(null));
    assert_eq!(shown["rows"][14]["rsi14"], json!(0.0));
}

#[test]
fn a_file_of_bars_is_scanned() {
    let shell = Shell::new("{}");
    insta::assert_snapshot!(shell.ok(&["scan", "--bars-file", GOLDEN]));
    let said = String::from_utf8(shell.run(&["scan", "--bars-file", GOLDEN]).stderr).unwrap();
    assert!(said.starts_with("63 of 63 symbols (63 in the file) scored in "), "{said}");

    let compat = ["--profile", "technic-compat", "--bars", "65"];
    let csv = shell.ok(&[&["scan", "--bars-file", GOLDEN, "--csv"][..], &compat].concat());
    assert!(csv.starts_with("symbol,bars,passes_basic_filters,f_ret_1d,"), "{}", &csv[..80]);
    assert_eq!(csv.lines().count(), 64);
    let scored = shell.ok(&["scan", "--bars-file", GOLDEN, "--csv", "--scoring", "technic-compat"]);
    assert_ne!(csv, scored, "250 bars instead of 65");

    let none = shell.ok(&["scan", "--bars-file", GOLDEN, "--csv", "--min-rating", "99"]);
    assert_eq!(none.lines().collect::<Vec<_>>(), [csv.lines().next().unwrap()], "the header alone");

    let shown = shell.json(&["scan", "--bars-file", GOLDEN, "--tradable", "--symbols", "9"]);
    assert_eq!(
        (&shown["summary"]["considered"], &shown["rows"][0]["as_of"]),
        (&json!(9), &json!("2026-10-30"))
    );
    assert_eq!(shown["rows"][0]["TradeType"], "None");
}

#[test]
fn a_scan_is_about_a_universe_and_its_sectors() {
    let shell = Shell::new("{}");
    let file = |name: &str, text: &str| std::fs::write(shell.dir.path().join(name), text).unwrap();
    let scan = |more: &[&str]| {
        let all = [&["scan", "--bars-file", GOLDEN, "--csv"][..], more].concat();
        let text = shell.ok(&all);
        let rows = text.lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned());
        rows.collect::<Vec<_>>()
    };
    file(
        "u.csv",
        "\u{feff}symbol,sector\r\nX1UP,Information Technology\r\n\r\nS10000,Energy\r\nNONE,Energy\r\n",
    );
    assert_eq!(scan(&["--universe", "u.csv"]), ["X1UP", "S10000"]);
    assert_eq!(scan(&["--universe", "u.csv", "--sector", "technology"]), ["X1UP"]);
    assert_eq!(
        scan(&["--universe", "u.csv", "--sector", "energy", "--sector", "Technology"]),
        ["X1UP", "S10000"]
    );
    let said = shell.run(&["scan", "--bars-file", GOLDEN, "--universe", "u.csv"]).stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("no bars of 1 of 3 symbols of the universe\n"), "{said}");
    let (code, said) =
        shell.fails(&["scan", "--bars-file", GOLDEN, "--universe", "u.csv", "--sector", "Teck"]);
    assert_eq!(
        (code, said.as_str()),
        (
            3,
            "spence: sector: \"Teck\" is not in the universe; it has Energy, Information Technology"
        )
    );
}

#[test]
fn a_scan_gets_its_bars_through_the_cache() {
    let shell = Shell::new("{}");
    let feed =
        shell.start(&["feed", "--listen", "127.0.0.1:0", "--latency", "0s", "--symbols", "30"]);
    let url = format!("market.base_url={}", feed.url());
    let scan = |more: &[&str]| {
        let window = ["--bars", "20", "--end", "2024-11-29", "--set", &url];
        shell.run(&[&["scan"], &window[..], more].concat())
    };
    let out = |output: &std::process::Output| String::from_utf8(output.stdout.clone()).unwrap();
    let err = |output: &std::process::Output| String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(
        out(&scan(&["--plan"])),
        "20 calls: 20 for all symbols on a session, 0 for all sessions of a symbol (30 symbols); \
         and up to one a year for splits\n"
    );
    let cold = scan(&[]);
    assert!(err(&cold).contains("30 rows of 30 symbols (30 from origin), 21 calls"), "{cold:?}");
    assert!(err(&cold).contains("2 no_data, such as AAPL"), "{cold:?}");
    assert!(out(&cold).contains("2024-11-29"), "{cold:?}");
    let warm = scan(&["--offline"]);
    assert!(err(&warm).contains("(30 from disk), 0 calls"), "{warm:?}");
    assert_eq!(out(&warm), out(&cold));

    // As comma-separated values with the columns of a scan of files, as lines, as one value.
    let csv = out(&scan(&["--csv"]));
    assert_eq!(csv.lines().count(), 29);
    assert!(csv.starts_with("symbol,bars,passes_basic_filters,"), "{}", &csv[..60]);
    let compat = out(&scan(&["--csv", "--profile", "technic-compat"]));
    assert_ne!(csv, compat);
    let lines = out(&scan(&["--stream"]));
    assert_eq!(lines.lines().count(), 31, "and the summary");
    let told: serde_json::Value = serde_json::from_str(&out(&scan(&["--json"]))).unwrap();
    assert_eq!(told["rows"].as_array().unwrap().len(), 30);
    assert_eq!((&told["summary"]["calls"], &told["summary"]["filtered"]), (&json!(0), &json!(0)));

    let universe = "symbol,sector\nMSFT,Information Technology\nXOM,Energy\nZZZZ,Energy\n";
    std::fs::write(shell.dir.path().join("universe.csv"), universe).unwrap();
    let few = scan(&["--universe", "universe.csv", "--sector", "technology", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out(&few)).unwrap();
    let summary = &told["summary"];
    assert_eq!((&summary["symbols"], &summary["filtered"]), (&json!(3), &json!(2)));
    assert_eq!((&summary["calls"], &told["rows"][0]["symbol"]), (&json!(1), &json!("MSFT")));

    // Ahead of time, and then not again.
    let warm = |more: &[&str]| {
        shell.ok(&[&["warm", "market", "--bars", "3", "--set", &url], more].concat())
    };
    assert!(warm(&[]).starts_with("30 symbols fetched, 0 held already, 0 failed; "));
    assert_eq!(warm(&[]), "0 symbols fetched, 30 held already, 0 failed; 0 calls\n");
    let few = warm(&["--universe", "universe.csv"]);
    assert_eq!(few, "3 symbols fetched, 0 held already, 0 failed; 3 calls\n");

    // With no time, no call is made, and what is held is rated.
    let late = ["scan", "--bars", "20", "--end", "2020-11-30", "--set", &url, "--timeout", "0s"];
    let late = shell.run(&late);
    assert_eq!(late.status.code(), Some(4), "{late:?}");
    assert!(err(&late).contains("30 rows of 30 symbols ("), "{late:?}");
    let refused = |args: &[&str]| shell.fails(&[&["scan"], args].concat()).0;
    assert_eq!(refused(&["--end", "1985-01-02"]), 3);
    assert_eq!(refused(&["--symbols", "0"]), 3);
    assert_eq!(refused(&["--min-rating=inf"]), 3);

    assert_eq!(feed.terminate(), Some(0));
    let more = ["scan", "--bars", "25", "--end", "2024-11-29", "--set", &url];
    let gone = shell.run(&more);
    assert!(err(&gone).contains("28 stale, such as"), "{gone:?}");
    assert!(err(&gone).contains("2 of 30 symbols could not be scanned"), "{gone:?}");
    assert_eq!(gone.status.code(), Some(4));
    std::fs::write(shell.dir.path().join("new.csv"), "NEWA\n").unwrap();
    let nothing = scan(&["--universe", "new.csv"]);
    assert_eq!(nothing.status.code(), Some(4), "{nothing:?}");
    assert_eq!(scan(&["--universe", "new.csv", "--stream"]).status.code(), Some(4));
    assert!(err(&nothing).contains("1 failed, such as NEWA: "), "{nothing:?}");
}

#[test]
fn wrong_files_are_refused_with_the_line() {
    let shell = Shell::new("{}");
    let file = |name: &str, text: &str| std::fs::write(shell.dir.path().join(name), text).unwrap();
    let check = |args: &[&str], code: i32, expected: &str| {
        let (got, said) = shell.fails(args);
        assert_eq!(got, code, "{args:?}: {said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{args:?}: {said}");
    };
    let head = "symbol,date,open,high,low,close,volume";
    file("unsorted.csv", &format!("{head}\nA,2024-01-03,1,1,1,1,1\nA,2024-01-02,1,1,1,1,1\n"));
    file("negative.csv", &format!("{head}\nA,2024-01-03,1,1,-1,1,1\n"));
    file("plain.csv", "date,open,high,low,close,volume\n2024-01-03,1,1,1,1,1\n");
    file("twice.csv", "symbol\nAAPL\nIBM\nAAPL\n");
    file("broken.gz", "\u{1f}not gzip");
    std::fs::write(shell.dir.path().join("broken.gz"), [0x1f, 0x8b, 0, 1]).unwrap();
    check(
        &["scan", "--bars-file", "unsorted.csv"],
        3,
        "unsorted.csv, line 3: date 2024-01-02: comes after",
    );
    check(&["scan", "--bars-file", "negative.csv"], 3, "negative.csv, line 2: low: \"-1\"");
    check(&["scan", "--bars-file", "plain.csv"], 3, "plain.csv: has no column \"symbol\"");
    check(&["scan", "--bars-file", "no.csv"], 3, "read no.csv: No such file");
    check(&["scan", "--bars-file", "broken.gz"], 3, "read broken.gz: ");
    check(
        &["scan", "--bars-file", GOLDEN, "--universe", "twice.csv"],
        3,
        "twice.csv, line 4: symbol AAPL: is on line 2 already",
    );
    check(&["scan", "--bars-file", GOLDEN, "--bars", "0"], 3, "bars: 0, expected at least 1");
    check(
        &["scan", "--bars-file", GOLDEN, "--profile", "prod"],
        3,
        "expected corrected or technic-compat",
    );
    check(&["indicators", GOLDEN], 3, "bars of 63 symbols; choose one with --symbol");
    check(&["indicators", GOLDEN, "--symbol", "AAPL"], 1, "no bars of AAPL in the file");
    check(&["indicators", IBM, "--csv", "no/out.csv"], 5, "write no/out.csv: No such file");
    check(&["calendar", "NYSE"], 3, "calendar `NYSE`: expected XNYS, XLON or XBOM");
    check(&["calendar", "XNYS", "--from", "20240101"], 3, "from: `20240101` is not a date");
    check(&["calendar", "XBOM", "--from", "1996-12-31"], 3, "1997-01-01 to 2026-12-31");
    check(&["calendar", "XLON", "--from", "2024-02-02", "--to", "2024-02-01"], 3, "is before");
}

#[test]
fn data_of_every_type_are_printed() {
    let shell = Shell::new("{}");
    let days = ["--start", "2012-06-28", "--end", "2012-06-29"];
    let of = |args: &[&'static str]| [&["market", "data"][..], args, &days].concat();
    insta::assert_snapshot!(shell.ok(&of(&["OHLCV", "AAPL"])));
    insta::assert_snapshot!(shell.ok(&of(&["ohlcv", "aapl", "--frequency", "1h", "--csv"])));
    insta::assert_snapshot!(shell.ok(&of(&["TOTAL_RETURN", "IBM", "--param", "method=log"])));
    insta::assert_snapshot!(shell.ok(&["market", "types"]));
    let shown = shell.json(&of(&["TREASURY_10Y"]));
    assert_eq!((&shown["count"], &shown["rows"][0]["date"]), (&json!(2), &json!("2012-06-28")));
    let years = ["--start", "2000-03-01", "--end", "2013-03-01"];
    insta::assert_snapshot!(shell.ok(&[&["market", "quality", "aapl"][..], &years].concat()));
    // Held on disk by now, and nothing of another ticker is.
    shell.ok(&[&of(&["OHLCV", "AAPL"])[..], &["--offline"]].concat());
    let refused = |args: &[&str], code: i32, said: &str| {
        let done = shell.run(args);
        let errors = String::from_utf8(done.stderr).unwrap();
        assert!(errors.contains(said), "{errors}");
        assert_eq!(done.status.code(), Some(code), "{errors}");
    };
    refused(&of(&["OHLCV", "MSFT", "--offline"]), 1, "no bars of MSFT are held");
    refused(&of(&["OHLCV"]), 3, "ticker: is missing");
    refused(&of(&["SOFR", "--param", "vintage"]), 3, "expected NAME=VALUE");
    refused(&["market", "quality", "A B"], 3, "ticker: symbol");
    refused(&["market", "quality", "ZZTOP"], 1, "no bars of ZZTOP");
    refused(&["market", "data", "SOFR", "--end", "2150-01-01"], 3, "end: 2150-01-01 has not come");
}
