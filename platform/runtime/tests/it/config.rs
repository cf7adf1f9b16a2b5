//! Configuration: what is taken, and what is said about what is not.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;
use tessera_runtime::config::{
    self, ConfigError, Environment, ForwardedBy, LogConfig, LogFormat, PostgresConfig, Secret, ServerConfig,
    StoreChoice,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Root {
    data: PathBuf,
    store: StoreChoice,
    server: ServerConfig,
    log: LogConfig,
    billing: Billing,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Billing {
    api_key: Option<Secret<String>>,
    name: String,
    retries: Vec<Retry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    after_days: u32,
}

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Root, ConfigError> {
    config::parse("tessera.toml", text, &Environment::of(environment.iter().copied()))
}

#[track_caller]
fn refused(text: &str, environment: &[(&str, &str)], message: &str) {
    assert_eq!(read(text, environment).unwrap_err().to_string(), message);
}

#[test]
fn an_empty_file_is_the_defaults() {
    let root = read("", &[]).unwrap();
    assert_eq!(root.server.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!((root.server.forwarded_by, root.log.format), (ForwardedBy::XForwarded, LogFormat::Auto));
    assert!(root.server.trusted_proxies.is_empty() && root.server.rate_limits.enabled);
    assert!(matches!(root.store, StoreChoice::Sqlite));
}

#[test]
fn a_whole_file_is_read() {
    let text = r#"
        data = "/var/lib/tessera"
        store = { url = "postgres://u:p@db/tessera", max_connections = 3 }
        [server]
        listen = "[::]:80"
        trusted_proxies = ["10.0.0.0/8", "fd00::/8"]
        [server.limits]
        drain_seconds = 1.5
        [server.rate_limits]
        sensitive = { requests = 5, window_seconds = 60 }
        [log]
        format = "json"
        [[billing.retries]]
        after_days = 3
    "#;
    let root = read(text, &[]).unwrap();
    assert_eq!(root.server.limits.drain, Duration::from_millis(1500));
    assert_eq!(root.server.rate_limits.sensitive.requests, 5);
    assert_eq!(root.billing.retries[0].after_days, 3);
    let StoreChoice::Postgres(PostgresConfig { url, max_connections }) = root.store else { panic!("{:?}", root.store) };
    assert_eq!((url.expose().as_str(), max_connections), ("postgres://u:p@db/tessera", 3));
}

#[test]
fn an_unknown_field_is_named_with_its_place_and_the_nearest_known_one() {
    refused(
        "[log]\nformat = \"json\"\nlevle = \"debug\"\n",
        &[],
        "tessera.toml:3:1: `log.levle`: unknown field; did you mean `level`? allowed here: format, level",
    );
    refused(
        "[log]\n  colour = true\n",
        &[],
        "tessera.toml:2:3: `log.colour`: unknown field; allowed here: format, level",
    );
    refused(
        "[sever]\nlisten = \"127.0.0.1:1\"\n",
        &[],
        "tessera.toml:1:2: `sever`: unknown field; did you mean `server`? allowed here: data, store, server, log, billing",
    );
    refused(
        "[[billing.retries]]\nafter_days = 1\n[[billing.retries]]\nafter_day = 3\n",
        &[],
        "tessera.toml:4:1: `billing.retries.1.after_day`: unknown field; did you mean `after_days`? allowed here: after_days",
    );
}

#[test]
fn a_wrong_value_is_named_with_what_is_expected() {
    refused(
        "[billing]\nname = 7\n",
        &[],
        "tessera.toml:2:1: `billing.name`: invalid type: integer `7`; expected a string",
    );
    refused(
        "[log]\nformat = \"jsno\"\n",
        &[],
        "tessera.toml:2:1: `log.format`: unknown value `jsno`; did you mean `json`? allowed here: auto, text, json",
    );
    refused(
        "[server]\nlisten = \"localhost\"\n",
        &[],
        "tessera.toml:2:1: `server.listen`: invalid socket address syntax",
    );
    refused(
        "server.rate_limits.caller = { requests = 0, window_seconds = 60 }\n",
        &[],
        "tessera.toml:1:31: `server.rate_limits.caller.requests`: 0 would refuse everything; to lift the limits, set \
         rate_limits.enabled = false",
    );
    refused("[[billing.retries]]\n", &[], "tessera.toml:1:1: `billing.retries.0`: missing field `after_days`");
}

#[test]
fn a_syntax_error_is_named_with_its_place() {
    let message = read("[server]\nlisten = \n", &[]).unwrap_err().to_string();
    assert!(message.starts_with("tessera.toml:2:"), "{message}");
}

#[test]
fn the_environment_goes_before_the_file_and_is_typed_by_the_field() {
    let environment = [
        ("TESSERA_SERVER__LISTEN", "0.0.0.0:9000"),
        ("TESSERA_SERVER__PUBLIC_PORT", "443"),
        ("TESSERA_SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
        ("TESSERA_SERVER__RATE_LIMITS__ENABLED", "false"),
        ("TESSERA_BILLING__NAME", "12345"),
        ("TESSERA_BILLING__API_KEY", "true"),
        ("TESSERA_STORE", "postgres://u:p@db/t"),
        ("TESSERA_DATA", "/data"),
        ("PATH", "/bin"),
    ];
    let root = read("[server]\nlisten = \"127.0.0.1:1\"\n", &environment).unwrap();
    assert_eq!(root.server.listen.to_string(), "0.0.0.0:9000");
    assert_eq!((root.server.public_port, root.server.rate_limits.enabled), (Some(443), false));
    assert_eq!(root.server.trusted_proxies.len(), 1);
    assert_eq!((root.billing.name.as_str(), root.data.to_str()), ("12345", Some("/data")));
    assert_eq!(root.billing.api_key.unwrap().expose(), "true");
    assert!(matches!(root.store, StoreChoice::Postgres(_)));
}

#[test]
fn what_is_wrong_in_the_environment_is_named_by_its_variable() {
    refused(
        "",
        &[("TESSERA_LOG__LEVLE", "debug")],
        "TESSERA_LOG__LEVLE: `log.levle`: unknown field; did you mean `level`? allowed here: format, level",
    );
    refused(
        "[server]\npublic_port = 80\n",
        &[("TESSERA_SERVER__PUBLIC_PORT", "many")],
        "TESSERA_SERVER__PUBLIC_PORT: `server.public_port`: invalid type: string \"many\"; expected u16",
    );
    refused(
        "",
        &[("TESSERA_SERVER__LISTEN__PORT", "80"), ("TESSERA_SERVER__LISTEN", "127.0.0.1:1")],
        "TESSERA_SERVER__LISTEN__PORT: `listen` is a value and not a section, so nothing can be set inside it",
    );
    let flags = Environment::of([("TESSERA_SERVER__LISTEN", "127.0.0.1:1")]);
    let flags = flags.with("TESSERA_SERVER__LISTEN", "127.0.0.1:2");
    assert_eq!(config::parse::<Root>("t", "", &flags).unwrap().server.listen.port(), 2);
}

#[test]
fn a_field_that_no_type_denies_is_refused_all_the_same() {
    #[derive(Debug, Deserialize)]
    struct Lax {
        #[serde(default)]
        inner: Inner,
    }
    #[derive(Debug, Default, Deserialize)]
    struct Inner {
        #[serde(default)]
        known: u8,
    }
    let error = config::parse::<Lax>("t.toml", "[inner]\nknown = 1\nother = 2\n", &Environment::default()).unwrap_err();
    assert_eq!(error.to_string(), "t.toml:3:1: `inner.other`: nothing reads this field");
    let lax = config::parse::<Lax>("t.toml", "inner.known = 1", &Environment::default()).unwrap();
    assert_eq!(lax.inner.known, 1);
}

#[test]
fn secrets_come_from_text_file_or_environment_and_never_print() {
    let folder = tessera_testing::temp_dir();
    let file = folder.path().join("key");
    std::fs::write(&file, "from-file\n").unwrap();
    let path = std::env::var("PATH").unwrap();
    for (value, expected) in [
        ("\"inline\"".to_owned(), "inline"),
        (format!("{{ file = {:?} }}", file.to_str().unwrap()), "from-file"),
        ("{ env = \"PATH\" }".to_owned(), path.as_str()),
    ] {
        let root = read(&format!("[billing]\napi_key = {value}\n"), &[]).unwrap();
        let secret = root.billing.api_key.as_ref().unwrap();
        assert_eq!(secret.expose(), expected);
        assert!(!format!("{root:?} {secret} {secret:?}").contains(expected), "{value} prints");
    }
    for (value, said) in [
        ("{ file = \"/nowhere\" }", "reading the secret's file /nowhere: No such file or directory"),
        ("{ env = \"TESSERA_TEST_UNSET\" }", "the secret's environment variable TESSERA_TEST_UNSET is not set"),
        ("{ fil = \"x\" }", "did you mean `file`? allowed here: file, env"),
        ("{ file = \"x\", env = \"y\" }", "a secret comes from one place"),
        ("{}", "a secret needs `file` or `env`"),
        ("47114711", "expected a text"),
    ] {
        let error = read(&format!("[billing]\napi_key = {value}\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("tessera.toml:2:") && error.contains(said), "{value}: {error}");
        assert!(!error.contains("47114711"), "{error}");
    }
}

#[test]
fn a_store_address_with_a_mistake_in_it_does_not_show_its_password() {
    let error = read("store = \"postgress://u:hunter2@db/t\"\n", &[]).unwrap_err().to_string();
    assert!(error.starts_with("tessera.toml:1:1: `store`: unknown engine") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = config::load::<Root>(Some("/nowhere/tessera.toml".as_ref()), &Environment::default()).unwrap_err();
    assert!(error.to_string().contains("/nowhere/tessera.toml"), "{error}");
}
