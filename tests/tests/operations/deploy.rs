//! The files in `deploy/`: the unit is one that systemd takes, and fits the daemon.

use std::fs;
use std::process::Command;

use ledger_tests::{bin, repository, say};

fn read(name: &str) -> String {
    fs::read_to_string(repository().join("deploy").join(name)).expect("a file of the checkout")
}

/// The value of a key of the unit, the last where it stands several times.
fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    let line = unit
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("the unit has no `{key}`"))
}

#[test]
fn the_unit_fits_the_daemon_and_its_configuration() {
    let unit = read("systemd/agent-ledger.service");
    let sample = read("ledgerd.toml");
    let set = |key: &str| {
        let line = sample
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.expect("a setting").trim_matches('"').to_owned()
    };
    // Longer than calls may take to finish, and a file for each connection.
    let number = |text: &str| text.parse::<u64>().expect("a number");
    assert!(number(value(&unit, "TimeoutStopSec")) >= number(&set("#drain_s")) + 30);
    assert!(number(value(&unit, "LimitNOFILE")) >= 2 * number(&set("#connections")));
    // Only what systemd makes writable is written.
    let states: Vec<&str> = value(&unit, "StateDirectory").split(' ').collect();
    assert_eq!(set("data"), format!("/var/lib/{}", states[0]));
    assert!(set("head").starts_with(&format!("/var/lib/{}/", states[1])));
    assert!(set("socket").starts_with(&format!("/run/{}/", value(&unit, "RuntimeDirectory"))));
    assert_eq!(value(&unit, "Type"), "notify");
    assert_eq!(value(&unit, "Restart"), "on-failure");
    assert_eq!(value(&unit, "RestartPreventExitStatus"), "1 2");
    for state in states {
        assert!(
            read("tmpfiles.d/agent-ledger.conf")
                .contains(&format!("d /var/lib/{state} 0700 agent-ledger"))
        );
    }
    assert!(read("sysusers.d/agent-ledger.conf").contains("\nu agent-ledger "));
}

/// Where systemd's own tool is installed: it takes the unit, and finds it well shut in.
#[test]
fn systemd_takes_the_unit() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        say("systemd-analyze is not installed: the unit was not verified");
        return;
    }
    let home = tempfile::tempdir().expect("room");
    let unit = home.path().join("agent-ledger.service");
    let binary = bin::path("ledgerd");
    let text =
        read("systemd/agent-ledger.service").replace("/usr/bin/ledgerd", &binary.to_string_lossy());
    fs::write(&unit, text).expect("room");
    let verified = bin::run(Command::new("systemd-analyze").arg("verify").arg(&unit)).expect(0);
    assert_eq!(verified.stderr, "", "nothing to complain about");
    // Of 10.0 for a unit without any of it; the tool's own words for up to 2.0 are `OK`.
    let mut security = Command::new("systemd-analyze");
    security
        .args(["security", "--offline=true", "--threshold=15"])
        .arg(&unit);
    bin::run(&mut security).expect(0);
}
