//! One precedence: command line, environment, file, default; and what is refused.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ledger_tests::bin::{self, Ran};
use ledger_tests::{Ledger, Log, repository};
use serde_json::Value;

use crate::ledgerd;

/// `ledgerd check-config --json` with these words and variables.
fn config(words: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = ledgerd(&["check-config", "--json"]);
    bin::run(command.args(words).envs(variables.iter().copied()))
}

/// What it says of one setting.
fn setting<'a>(said: &'a Value, key: &str) -> &'a Value {
    let settings = said["settings"].as_array().expect("a list");
    let of = settings.iter().find(|of| of["key"] == key);
    of.unwrap_or_else(|| panic!("`{key}` is not among {settings:?}"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A key, its argument, its variable, then one value for each place it can come from, and its default.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    [(&'static str, Value); 3],
    Value,
);

/// Every subset of the three places that can set something, for settings of every kind.
#[test]
fn the_command_line_comes_before_the_environment_the_file_and_the_default() {
    let home = tempfile::tempdir().expect("room");
    let data = text(home.path()).to_owned() + "/d";
    let texts = |words: [&'static str; 3]| words.map(|word| (word, Value::from(word)));
    let rows: [Row; 6] = [
        (
            "drain_s",
            "--drain-s",
            "LEDGERD_DRAIN_S",
            [("1", 1.into()), ("2", 2.into()), ("3", 3.into())],
            10.into(),
        ),
        (
            "quota",
            "--quota",
            "LEDGERD_QUOTA",
            [("11", 11.into()), ("12", 12.into()), ("13", 13.into())],
            2048.into(),
        ),
        (
            "log",
            "--log",
            "LEDGERD_LOG",
            texts(["error", "warn", "debug"]),
            "info".into(),
        ),
        (
            "log_format",
            "--log-format",
            "LEDGERD_LOG_FORMAT",
            texts(["json", "text", "json"]),
            "text".into(),
        ),
        (
            "socket",
            "--socket",
            "LEDGERD_SOCKET",
            texts(["/a/s", "/b/s", "/c/s"]),
            format!("{data}/ledger.sock").into(),
        ),
        (
            "listen",
            "--listen",
            "LEDGERD_LISTEN",
            texts(["127.0.0.1:1", "127.0.0.2:2", "[::1]:3"]),
            Value::Null,
        ),
    ];
    let file = home.path().join("ledgerd.toml");
    for places in 0..8 {
        let (by_line, by_variable, by_file) = (places & 1 != 0, places & 2 != 0, places & 4 != 0);
        let mut words = vec!["--data", data.as_str(), "--config", text(&file)];
        let (mut variables, mut lines) = (Vec::new(), String::new());
        for (key, argument, variable, values, _) in &rows {
            if by_line {
                words.extend([*argument, values[0].0]);
            }
            if by_variable {
                variables.push((*variable, values[1].0));
            }
            if by_file {
                let _ = writeln!(lines, "{key} = {}", values[2].1);
            }
        }
        fs::write(&file, &lines).expect("room");
        // Nothing is at that path, so it is not fit to run; what it would run with is said all the same.
        let said = config(&words, &variables).expect(1).json();
        for (at, (key, _, variable, values, default)) in (1..).zip(&rows) {
            let found = setting(&said, key);
            let expected = match (by_line, by_variable, by_file) {
                (true, ..) => (&values[0].1, "command_line"),
                (_, true, _) => (&values[1].1, "environment"),
                (_, _, true) => (&values[2].1, "file"),
                _ => (default, "default"),
            };
            assert_eq!(
                (&found["value"], found["source"].as_str().unwrap()),
                expected,
                "`{key}`, {places:03b}"
            );
            if expected.1 == "environment" {
                assert_eq!(found["variable"], *variable);
            }
            if expected.1 == "file" {
                assert_eq!(found["line"], at);
            }
        }
        assert_eq!(setting(&said, "data")["source"], "command_line");
    }
}

/// The public key of a pair that these tests alone know.
const SENDGRID_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvXxzuIsum0ztpiAistqL4TGTpbVu3Cbn33hC4kzQ\
                            tesGBa2nvag6xqK4DX4xQED6R/8WuDushc7bAURRu3znGg==";

/// A setting that needs another is content wherever the other comes from, and refused where it comes from
/// nowhere.
#[test]
fn the_key_of_a_webhook_needs_an_http_address_from_anywhere() {
    let home = tempfile::tempdir().expect("room");
    let data = text(home.path()).to_owned() + "/d";
    let file = home.path().join("ledgerd.toml");
    let places = ["command_line", "environment", "file", "nowhere"];
    let settings = [
        (
            "sendgrid_key",
            "--sendgrid-key",
            "LEDGERD_SENDGRID_KEY",
            SENDGRID_KEY,
        ),
        ("http", "--http", "LEDGERD_HTTP", "127.0.0.1:0"),
    ];
    for of_key in &places[..3] {
        for of_http in places {
            let mut words = vec!["--data", data.as_str(), "--config", text(&file)];
            let (mut variables, mut lines) = (Vec::new(), String::new());
            for (place, (key, argument, variable, value)) in
                [*of_key, of_http].into_iter().zip(settings)
            {
                match place {
                    "command_line" => words.extend([argument, value]),
                    "environment" => variables.push((variable, value)),
                    "file" => {
                        let _ = writeln!(lines, "{key} = {value:?}");
                    }
                    _ => {}
                }
            }
            fs::write(&file, &lines).expect("room");
            let ran = config(&words, &variables);
            if of_http == "nowhere" {
                ran.expect(2)
                    .says(&["--sendgrid-key (`sendgrid_key`)", "set --http (`http`) too"]);
                let mut run = ledgerd(&["run"]);
                let ran = bin::run(run.args(words).envs(variables));
                ran.expect(2).says(&["set --http (`http`) too"]);
                assert!(!home.path().join("d").exists(), "key by {of_key}");
                continue;
            }
            // Nothing is at that path, so it is not fit to run.
            let said = ran.expect(1).json();
            for (place, (key, _, _, value)) in [*of_key, of_http].into_iter().zip(settings) {
                let found = setting(&said, key);
                assert_eq!(
                    (&found["value"], &found["source"]),
                    (&value.into(), &place.into())
                );
            }
        }
    }
}

/// The file itself is named by the command line, else by a variable; every command reads what concerns it.
#[tokio::test]
async fn a_ledger_lives_by_its_file_alone() {
    let ledger = Ledger::init();
    let file = ledger.path("ledgerd.toml");
    let moved = ledger.path("moved.head");
    fs::rename(ledger.head(), &moved).expect("a head file");
    let lines = format!(
        "data = {:?}\nhead = {moved:?}\nlog_format = \"json\"\nquota = 77\n",
        ledger.data()
    );
    fs::write(&file, &lines).expect("room");

    let by_variable = config(&[], &[("LEDGERD_CONFIG", text(&file))])
        .expect(0)
        .json();
    let by_line = config(
        &["--config", text(&file)],
        &[("LEDGERD_CONFIG", "/not/there")],
    )
    .expect(0)
    .json();
    assert_eq!(by_variable, by_line);
    assert_eq!(by_line["file"], text(&file));
    bin::run(ledgerd(&["check", "--config", text(&file)]).arg("--json")).expect(0);
    bin::run(&mut ledgerd(&["rebuild", "--config", text(&file)])).expect(0);

    // The daemon records the hash that check-config has shown, and another for other values.
    let daemon = ledger.run_with(&["--config", text(&file)]).await;
    daemon.stop().await;
    let daemon = ledger
        .run_with(&["--config", text(&file), "--quota", "78"])
        .await;
    daemon.stop().await;
    let folder = ledger.path("export");
    let mut export = ledgerd(&["export", "--config", text(&file), "--out", text(&folder)]);
    bin::run(&mut export).expect(0);
    let boots = Log::read(&folder).of_kind("boot");
    let hashes: Vec<&str> = boots.iter().map(|boot| boot.text("config")).collect();
    let other = config(&["--config", text(&file), "--quota", "78"], &[])
        .expect(0)
        .json();
    assert_eq!(
        hashes,
        [
            by_line["hash"].as_str().unwrap(),
            other["hash"].as_str().unwrap()
        ]
    );
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let home = tempfile::tempdir().expect("room");
    let file = home.path().join("ledgerd.toml");
    let table: [(&str, &[&str]); 18] = [
        (
            "qouta = 1",
            &[
                "line 1",
                "`qouta` is no setting",
                "expected one of",
                "quota_reports",
            ],
        ),
        (
            "\n\nquota = \"7\"",
            &[
                "line 3",
                "`quota`",
                "the text `7`",
                "expected a whole number",
            ],
        ),
        (
            "quota = 7.5",
            &["line 1", "`quota`", "7.5", "expected a whole number"],
        ),
        (
            "quota = -1",
            &["`quota`", "`-1`", "expected a whole number"],
        ),
        ("streams = 0", &["`streams`", "`0`", "1..=65536"]),
        (
            "connections = 65537",
            &["`connections`", "`65537`", "1..=65536"],
        ),
        (
            "retention_years = 0",
            &["`retention_years`", "`0`", "1..=100"],
        ),
        (
            "queue = true",
            &["`queue`", "`true`", "expected a whole number"],
        ),
        (
            "listen = 7050",
            &["`listen`", "`7050`", "an address and a port"],
        ),
        (
            "listen = \"localhost\"",
            &["`listen`", "`localhost`", "an address and a port"],
        ),
        (
            "log_format = \"xml\"",
            &["`log_format`", "`xml`", "expected `text` or `json`"],
        ),
        ("log = \"==\"", &["`log`", "`==`", "directive"]),
        (
            "data = \"d\"",
            &["`data`", "`d`", "expected an absolute path"],
        ),
        (
            "[queues]\nlisten = 1",
            &["line 1", "`queues` is no setting"],
        ),
        (
            "[http]\nlisten = 1",
            &["line 1", "`http` is a table", "an address and a port"],
        ),
        (
            "quota = 1\nlog = \"info\"\nquota = 1",
            &["line 3", "`quota`", "twice"],
        ),
        ("quota 7", &["line 1", "expected `key = value`"]),
        (
            "quota = 7\nhttp = 127.0.0.1:9400",
            &[
                "line 2",
                "`http`",
                "without quotes",
                "`http = \"127.0.0.1:9400\"`",
            ],
        ),
    ];
    for (lines, words) in table {
        fs::write(&file, lines).expect("room");
        for command in ["check-config", "run", "check", "rebuild"] {
            let data = home.path().join("d");
            let words_of = [command, "--config", text(&file), "--data", text(&data)];
            bin::run(&mut ledgerd(&words_of))
                .expect(2)
                .says(words)
                .says(&[text(&file)]);
        }
    }
    // All of them at once, in their order.
    fs::write(
        &file,
        "streams = 0\nquota = 1\nnothing = 1\nqueue = \"1\"\n",
    )
    .expect("room");
    let said = config(&["--config", text(&file)], &[]).expect(2).stderr;
    let places: Vec<_> = ["line 1", "line 3", "line 4"]
        .iter()
        .map(|line| said.find(line))
        .collect();
    assert!(
        places.is_sorted() && places.iter().all(Option::is_some),
        "{said}"
    );

    for (variable, value, words) in [
        ("LEDGERD_QUOTA", "many", ["`many`", "a whole number"]),
        (
            "LEDGERD_LISTEN",
            "here",
            ["`here`", "an address and a port"],
        ),
        ("LEDGERD_LOG_FORMAT", "xml", ["`xml`", "`text` or `json`"]),
        ("LEDGERD_STREAMS", "0", ["`0`", "1..=65536"]),
    ] {
        config(&["--data", "/d"], &[(variable, value)])
            .expect(2)
            .says(&[variable])
            .says(&words);
        // Not counted where the command line has the word.
        if variable == "LEDGERD_QUOTA" {
            config(&["--data", "/d", "--quota", "1"], &[(variable, value)]).expect(1);
        }
    }
    config(&["--quota", "many", "--data", "/d"], &[])
        .expect(2)
        .says(&["--quota", "many"]);
    config(&["--config", "/not/there"], &[])
        .expect(2)
        .says(&["/not/there", "--config"]);
    config(&[], &[]).expect(2).says(&["--data"]);
}

/// `check-config` names what a start would meet, and what one should not do.
#[test]
fn paths_permissions_and_addresses_are_looked_at() {
    let ledger = Ledger::init();
    let data = ledger.data();
    let found = |words: &[&str], code: i32| {
        let mut all = vec!["--data", text(&data)];
        all.extend(words);
        let said = config(&all, &[]).expect(code).json();
        assert_eq!(said["fit"], code == 0);
        said["findings"].to_string()
    };
    let holds = |findings: &str, words: &[&str]| {
        for word in words {
            assert!(findings.contains(word), "`{word}` is not in {findings}");
        }
    };
    assert_eq!(found(&[], 0), "[]");

    // The same twice is no way to serve both.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let words = ["--listen", address.as_str(), "--http", address.as_str()];
    holds(
        &found(&words, 1),
        &[&address, "speaks gRPC", "another port"],
    );
    let misspelt = [("LEDGERD_DRAINS", "20"), ("LEDGERD_DRAIN_S", "20")];
    let said = config(&["--data", text(&data)], &misspelt).expect(0).json();
    let said = said["findings"].as_array().expect("a list");
    assert_eq!(said.len(), 1, "{said:?}");
    holds(
        &said[0].to_string(),
        &["warning", "`LEDGERD_DRAINS`", "no effect"],
    );

    let key = data.join("keys/subject.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).expect("own");
    holds(&found(&[], 1), &["subject.key", "640", "600"]);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("own");
    fs::set_permissions(&data, Permissions::from_mode(0o755)).expect("own");
    holds(&found(&[], 0), &["warning", "755", "700"]);
    fs::set_permissions(&data, Permissions::from_mode(0o700)).expect("own");

    // Inside the data directory, by whatever way.
    let inside = data.join("head");
    fs::copy(ledger.head(), &inside).expect("room");
    let link = ledger.path("link");
    std::os::unix::fs::symlink(&data, &link).expect("room");
    for head in [inside, link.join("head"), data.join("../d/head")] {
        let words = ["--head", text(&head)];
        holds(&found(&words, 1), &["inside the data directory", "--head"]);
        ledger
            .run_refused(&words)
            .expect(1)
            .says(&["inside the data directory"]);
    }
    let new = ledger.path("new");
    let mut init = ledgerd(&[
        "init",
        "--origin",
        "x.test/y",
        "--operator",
        "op.1",
        "--data",
        text(&new),
    ]);
    init.arg("--head")
        .arg(new.join("head"))
        .arg("--credential-out")
        .arg(ledger.path("c"));
    bin::run(&mut init)
        .expect(1)
        .says(&["inside the data directory"]);
    assert!(!new.exists(), "a refusal makes nothing");
    holds(
        &found(&["--head", text(&ledger.path("none"))], 1),
        &["no head file"],
    );
    found(&["--head", text(&ledger.path("none")), "--accept-head"], 0);

    let long = format!("/tmp/{}", "x".repeat(110));
    holds(&found(&["--socket", &long], 1), &["115 bytes", "107"]);
    holds(
        &found(&["--socket", "/not/there/s"], 1),
        &["/not/there", "no directory"],
    );
    holds(
        &found(&["--socket", text(&ledger.operator_file())], 1),
        &["is no socket"],
    );

    holds(
        &found(&["--listen", "0.0.0.0:0"], 0),
        &["warning", "beyond loopback", "TLS"],
    );
    assert_eq!(found(&["--listen", "127.0.0.1:0"], 0), "[]");
    holds(
        &found(&["--listen", "192.0.2.1:7050"], 1),
        &["192.0.2.1", "an address of this machine"],
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken_at = taken.local_addr().expect("bound").to_string();
    holds(
        &found(&["--listen", &taken_at], 0),
        &["note", "somebody serves"],
    );

    let file = ledger.path("ledgerd.toml");
    fs::write(&file, "retention_years = 3\n").expect("room");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("own");
    let findings = found(&["--config", text(&file)], 0);
    holds(&findings, &["666", "3 years", "erases none"]);

    let mut people = ledgerd(&["check-config", "--data", text(&data)]);
    bin::run(&mut people).expect(0).says(&[
        "no configuration file",
        "default",
        "command line",
        "kept 6 years at least",
        "fit to run",
    ]);
    config(&["--data", "/not/there"], &[])
        .expect(1)
        .says(&["ledgerd init"]);
}

/// The sample has every key, each with its default, and nothing else.
#[test]
fn the_sample_is_complete_and_says_the_defaults() {
    let sample = fs::read_to_string(repository().join("deploy/ledgerd.toml")).expect("the sample");
    let home = tempfile::tempdir().expect("room");
    let of = |lines: &str| {
        let file = home.path().join("ledgerd.toml");
        fs::write(&file, lines).expect("room");
        config(&["--config", text(&file)], &[]).expect(1).json()
    };
    // As it stands, it sets paths and nothing else.
    let plain = of(&sample);
    let set: Vec<&str> = plain["settings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|of| of["source"] == "file")
        .filter_map(|of| of["key"].as_str())
        .collect();
    assert_eq!(set, ["data", "head", "socket"]);
    // A commented line that begins with a key is a setting; prose has a space after the hash.
    let whole: Vec<&str> = sample
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase()) => rest,
            _ => line,
        })
        .collect();
    let whole = of(&whole.join("\n"));
    for (at, other) in whole["settings"]
        .as_array()
        .unwrap()
        .iter()
        .zip(plain["settings"].as_array().unwrap())
    {
        assert_eq!(at["source"], "file", "the sample lacks {at}");
        // An address has no default: it is off.
        if other["value"] != Value::Null {
            assert_eq!(
                at["value"], other["value"],
                "the sample's default of {}",
                at["key"]
            );
        }
    }
}
