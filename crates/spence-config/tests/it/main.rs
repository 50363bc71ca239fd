//! The configuration as its users write it, right and wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use spence::Ttl;
use spence_config::{ConfigError, Layer, Settings, Sources};

fn file(text: &str) -> Sources {
    let file = Some(Layer::from_yaml(text, "spence.yaml").unwrap());
    Sources { file, ..Sources::default() }
}

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// The configuration of the design document, as it stands there.
const DESIGN: &str = r"
memory: { enabled: true, budget: 100MB, eviction: s3fifo } # or lru; max_entries: optional
disk:   { enabled: true, dir: ./data/cache, budget: 1GB, compression: lz4, durability: process }
redis:  { url: null, deadline: 20ms }          # e.g. redis://127.0.0.1:6379
server: { listen: 127.0.0.1:8321 }
market: { base_url: null, api_key: null }       # both unset: the built-in demo feed, and it says so
policies:
  OHLCV:          { ttl: { open: 5m, closed: 24h }, calendar: XNYS, stale_if_error: 7d }
  ADJUSTED_CLOSE: { ttl: 24h }
  DIVIDEND:       { ttl: 7d }
  CPI_INDEX:      { ttl: 24h }
  TREASURY_3M:    { ttl: 1h }
  TOTAL_RETURN:   { ttl: 30m }
  INFLATION_RATE: { ttl: 1h }
  features:       { ttl: 5m }
  predictions:    { ttl: 1h }
  acg:            { ttl: 30d }
";

#[test]
fn the_built_in_defaults_are_those_of_the_design() {
    assert_eq!(file(DESIGN).resolve().unwrap(), Sources::default().resolve().unwrap());
}

#[test]
fn layers_merge_field_by_field_and_the_nearer_wins() {
    let text = "
memory: { budget: 1MB }
disk: { budget: 5MB, dir: here }
policies: { OHLCV: { stale_if_error: 2s }, mine: { ttl: 9m } }
profiles: { dev: { disk: { budget: 6MB }, policies: { OHLCV: { ttl: 1m } } } }
";
    let mut sources = file(text);
    sources.profile = Some("dev".into());
    sources.environment = environment(&[
        ("SPENCE__MEMORY__BUDGET", "2MB"),
        ("SPENCE__POLICIES__OHLCV__JITTER", "0"),
        ("SPENCE__POLICIES__FEATURES__TTL", "{ open: 1s, closed: 2s }"),
        ("SPENCE__MARKET__API_KEY", "*&key: #1"),
        ("PATH", "/bin"),
    ]);
    sources.flags.memory.enabled = Some(false);
    let settings = sources.resolve().unwrap();

    assert_eq!(settings.memory, None, "flags");
    let disk = settings.disk.clone().unwrap();
    assert_eq!((disk.budget, disk.dir.to_str().unwrap()), (6_000_000, "here"), "profile, file");
    let ohlcv = &settings.policies["OHLCV"];
    assert_eq!(ohlcv.ttl, Some(Ttl::Always(Duration::from_secs(60))), "profile");
    assert_eq!(ohlcv.stale_if_error, Some(Duration::from_secs(2)), "file");
    assert_eq!(ohlcv.jitter, Some(0.0), "environment");
    assert_eq!(ohlcv.calendar, Some(Some("XNYS".into())), "defaults");
    let by_session =
        Ttl::BySession { open: Duration::from_secs(1), closed: Duration::from_secs(2) };
    assert_eq!(settings.policies["features"].ttl, Some(by_session));
    assert_eq!(settings.policies["mine"].ttl, Some(Ttl::Always(Duration::from_secs(540))));
    assert_eq!(settings.market.api_key.as_ref().unwrap().reveal(), "*&key: #1");
    assert_eq!(settings.market.base_url.as_deref(), Some("https://api.massive.com"));
    assert!(!format!("{settings:?}").contains("*&key"), "secrets are not shown");
}

#[test]
fn a_wrong_file_is_refused_with_the_line_and_a_caret() {
    let check =
        |text: &str| -> String { Layer::from_yaml(text, "spence.yaml").unwrap_err().to_string() };
    insta::assert_snapshot!(check("memory:\n  budget: 10potatoes\n  enabled: true\n"));
    insta::assert_snapshot!(check("memory:\n  budgit: 10MB\n"));
    insta::assert_snapshot!(check("memory:\n  eviction: random\n"));
    insta::assert_snapshot!(check("policies:\n  A: { ttl: 5m }\n  B: { ttl: 300 }\n"));
    insta::assert_snapshot!(check("policies:\n  A:\n    ttl: { open: 5m }\n"));
    insta::assert_snapshot!(check("defaults: { jitter: 0.7 }\n"));
    insta::assert_snapshot!(check("redis: { urls: 'redis://127.0.0.1:6379' }\n"));
    insta::assert_snapshot!(check("memory: {}\ndisk: {}\nmemory: {}\n"));
    insta::assert_snapshot!(check("memory:\n\tbudget: 1MB\n"));
    insta::assert_snapshot!(check("server: { listen: everywhere }\n"));
    insta::assert_snapshot!(check("profiles: { a: { profiles: { b: {} } } }\n"));
    insta::assert_snapshot!(check("defaults: { eager_refresh: 101 }\n"));
}

fn with_environment(name: &str, value: &str) -> Sources {
    Sources { environment: environment(&[(name, value)]), ..Sources::default() }
}

fn check(sources: Sources, expected: &str) {
    let error: Result<Settings, ConfigError> = sources.resolve();
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn wrong_settings_of_the_shared_tier_name_the_setting() {
    check(
        file("redis: { url: 'http://user:secret@host' }"),
        "redis.url: its scheme is another; expected redis://[user:password@]host[:port][/database], redis+unix://[user:password@]/path, \
         redis+sentinel://[user:password@]host[:port],../master[/database] or \
         redis+cluster://[user:password@]host[:port],..; rediss instead of redis for TLS",
    );
    check(
        file("redis: { ca: ./no-such.pem }"),
        "redis.ca: ./no-such.pem: cannot be read: No such file or directory (os error 2)",
    );
    check(file("redis: { ca: Cargo.toml }"), "redis.ca: Cargo.toml: expected certificates in PEM");
    check(file("redis: { ca: '' }"), "redis.ca: is empty; give it a value");
    check(file("redis: { lease: 1ms }"), "redis.lease: 1ms, expected 100ms to 3600s");
}

#[test]
fn wrong_settings_name_the_setting() {
    check(file("memory: { budget: 10 }"), "memory.budget: 10 bytes, expected at least 65536");
    check(file("disk: { budget: 1MB }"), "disk.budget: 1000000 bytes, expected at least 4000000");
    check(
        file("server: { listen: 0.0.0.0:80 }"),
        "server.listen: 0.0.0.0:80 is not a loopback address such as 127.0.0.1:8321; to serve \
         other machines, set server.token",
    );
    check(
        file("server: { token: '' }"),
        "server.token: is empty; give it a value, or leave it out (null)",
    );
    check(file("server: { token: 'é' }"), "server.token: expected printable ASCII without spaces");
    check(
        file("policies: { x: { memory_budget: 10GB } }"),
        "policies.x.memory_budget: 10000000000 bytes; with 65536 for the others, such budgets come \
         to 10000065536, more than memory.budget (100000000)",
    );
    check(
        file("defaults: { memory_budget: 1MB }"),
        "defaults.memory_budget: is for single policies; all caches share memory.budget",
    );
    check(
        with_environment("SPENCE__MEMORY__BUDGET", "99999999999999999999GB"),
        "SPENCE__MEMORY__BUDGET: `99999999999999999999GB` is too large",
    );
    check(
        file("server: { allow_origins: ['*'] }"),
        "server.allow_origins: `*` is not an origin such as https://charts.example",
    );
    check(
        file("policies: { ohlcv: { ttl: 1s } }"),
        "policies: \"OHLCV\" and \"ohlcv\" differ in case only; names of caches are \
         case-sensitive, so one of them is a mistake",
    );
    check(
        file("policies: { a/b: { ttl: 1s } }"),
        "policies: namespace \"a/b\": contains '/'; expected letters, digits, `_`, `-` and `.`",
    );
    check(
        file("market: { base_url: 'ftp://x' }"),
        "market.base_url: `ftp://x` does not begin with http:// or https://",
    );
    check(
        with_environment("SPENCE__POLICIES__OHLCV__CALENDAR", "NYSE"),
        "SPENCE__POLICIES__OHLCV__CALENDAR: calendar `NYSE`: expected XNYS, XLON or XBOM",
    );
    let profile = Sources { profile: Some("prod".into()), ..file("profiles: { dev: {} }") };
    check(profile, "profile \"prod\" is not in the file; it has: dev");
    let with = with_environment;
    check(
        with("SPENCE__MEMORY__BUDGET", "lots"),
        "SPENCE__MEMORY__BUDGET: `lots` is not a size such as 100MB, 64MiB or 4096",
    );
    check(
        with("SPENCE__MARKET__BASE_URL", ""),
        "SPENCE__MARKET__BASE_URL: is empty; give it a value, or unset it",
    );
    check(
        with("SPENCE__MEMORY__BUDGIT", "1MB"),
        "SPENCE__MEMORY__BUDGIT: unknown field `budgit`, expected one of enabled, budget, eviction, max_entries",
    );
    check(
        with("SPENCE__POLICIES__X Y__TTL", "1m"),
        "SPENCE__POLICIES__X Y__TTL: \"X Y\" names no setting: letters, digits, `_`, `-` and `.` do",
    );
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "defaults: &a0 { calendar: x }\n".to_owned();
    for level in 1..20 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("p{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    assert!(Layer::from_yaml(&bomb, "spence.yaml").is_err());
}

#[test]
fn every_setting_says_where_it_comes_from() {
    let yaml = "memory: { budget: 64MiB }\nmarket: { api_key: k }\n\
                policies: { OHLCV: { ttl: 9m } }\nprofiles: { prod: { disk: { budget: 2GB } } }";
    let sources = Sources {
        profile: Some("prod".into()),
        environment: environment(&[("SPENCE__DEFAULTS__JITTER", "0.2")]),
        flags: Layer::from_yaml("server: { listen: 127.0.0.1:9 }", "flags").unwrap(),
        ..file(yaml)
    };
    let all = sources.explain().unwrap();
    let told = |name: &str| {
        let found = all.iter().find(|explained| explained.name == name).unwrap();
        format!("{} from {}", found.value, found.from)
    };
    assert_eq!(told("memory.budget"), "67108864B from file");
    assert_eq!(told("memory.eviction"), "s3fifo from built-in");
    assert_eq!(told("disk.budget"), "2GB from profile prod");
    assert_eq!(told("server.listen"), "127.0.0.1:9 from command line");
    assert_eq!(told("defaults.jitter"), "0.2 from environment");
    assert_eq!(told("policies.OHLCV.ttl"), "9m from file");
    assert_eq!(told("policies.OHLCV.stale_if_error"), "7days from built-in");
    assert_eq!(told("policies.OHLCV.jitter"), "0.2 from defaults: environment");
    assert_eq!(told("policies.acg.soft_deadline"), "1s from defaults: built-in");
    assert_eq!(told("market.api_key"), "(hidden) from file");
}

#[test]
fn the_cache_config_of_the_data_layer_becomes_ours() {
    let theirs = r#"
cache:
  memory:
    enabled: true
    max_size: 1000
    default_ttl_hours: 1

  disk:
    enabled: true
    cache_dir: "./data/cache"
    max_size_gb: 1.0
    compression: true

  ttl_by_data_type:
    # Raw market data
    OHLCV:
      market_hours: 300
      after_hours: 86400
    ADJUSTED_CLOSE: 86400
    DIVIDEND: 604800
    INFLATION_RATE: 3600
"#;
    let ours = spence_config::import(theirs, "cache_config.yaml").unwrap();
    insta::assert_snapshot!(ours);
    let settings = file(&ours).resolve().unwrap();
    let memory = settings.memory.unwrap();
    assert_eq!((memory.max_entries, memory.eviction), (Some(1000), spence_config::Eviction::Lru));
    let (open, closed) = (Duration::from_secs(300), Duration::from_secs(86_400));
    assert_eq!(settings.policies["OHLCV"].ttl, Some(Ttl::BySession { open, closed }));
    assert_eq!(settings.disk.unwrap().budget, 1_000_000_000);

    let refused = |text: &str| spence_config::import(text, "c.yaml").unwrap_err().to_string();
    assert!(refused("cache: { memory: { max_size: many } }").contains("c.yaml"));
    assert!(refused("cache: { redis: {} }").contains("unknown field"));
    assert!(refused("cache: { disk: { max_size_gb: -1 } }").contains("is no size"));
    assert!(refused("cache: { ttl_by_data_type: { a/b: 5 } }").contains("contains '/'"));
}

#[test]
fn providers_are_named_ordered_and_checked() {
    let text = "
providers:
  fred: { kind: fred, api_key: k, series: { treasury_3m: DTB3 } }
  backup: { kind: massive, base_url: https://b.example/, types: [ohlcv], order: 2 }
  archive: { kind: massive, base_url: https://a.example, order: 2 }
";
    let mut sources = file(text);
    sources.environment = environment(&[
        ("SPENCE__PROVIDERS__FRED__API_KEY", "other"),
        ("SPENCE__PROVIDERS__FRED__SERIES__SOFR", "SOFR30DAYAVG"),
        ("SPENCE__PROVIDERS__Backup__MAX_CALLS_PER_DAY", "9"),
    ]);
    let settings = sources.clone().resolve().unwrap();
    let names: Vec<_> = settings.providers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["fred", "archive", "backup"]);
    let (fred, backup) = (&settings.providers[0], &settings.providers[2]);
    assert_eq!(fred.base_url, "https://api.stlouisfed.org");
    assert_eq!(fred.series.get("SOFR").map(String::as_str), Some("SOFR30DAYAVG"));
    assert_eq!((fred.types.len(), backup.types.join(" ")), (11, "OHLCV".to_owned()));
    assert_eq!(backup.max_calls_per_day.map(std::num::NonZeroU32::get), Some(9));
    assert_eq!(file(text).resolve().unwrap().differing_until_restart(&settings), ["providers"]);
    let explained = sources.explain().unwrap();
    let key = explained.iter().find(|one| one.name == "providers.fred.api_key").unwrap();
    assert_eq!((key.value.as_str(), key.from.as_str()), ("(hidden)", "environment"));

    for (wrong, expected) in [
        ("{ x: { api_key: k } }", "providers.x.kind: is missing, expected massive or fred"),
        ("{ x: { kind: fred } }", "providers.x.api_key: is missing; https://api.stlouisfed.org"),
        ("{ market: { kind: fred, api_key: k } }", "providers: `market` is the section"),
        (
            "{ x: { kind: fred, api_key: k, types: [OHLCV] } }",
            "providers.x.types: `OHLCV` is none of its types, which are CPI_INDEX",
        ),
        (
            "{ x: { kind: massive, api_key: k, series: { OHLCV: X } } }",
            "providers.x.series: only providers of kind fred have series",
        ),
        (
            "{ x: { kind: fred, base_url: 'http://u:p@h' } }",
            "providers.x.base_url: expected a host",
        ),
        ("{ x: { kind: fred, base_url: 'http://' } }", "providers.x.base_url: expected a host"),
        ("{ a: { kind: fred, api_key: k }, A: { kind: fred, api_key: k } }", "differ in case only"),
        ("{ x: { kind: fred, base_url: ftp://a } }", "providers.x.base_url: `ftp://a` does not"),
    ] {
        let error = file(&format!("providers: {wrong}")).resolve().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
