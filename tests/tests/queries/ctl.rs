//! `ledgerctl list`, `tail`, `trace`, `receipt --refresh` and `completions`, as people use them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use ledger_tests::{Ctl, bin};
use serde_json::Value;

use super::world::{Dice, SENDER, World};

/// The lines of what was printed, each an object.
fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}`: {error}")))
        .collect()
}

async fn world() -> (World, Ctl) {
    let mut dice = Dice::new(21);
    let mut world = World::open().await;
    world.happen(&mut dice, 60).await;
    let operator = Ctl::operator(&world.site.ledger);
    (world, operator)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_traces_show_what_was_asked_for() {
    let (world, operator) = world().await;
    let lines = world
        .site
        .operator
        .export()
        .await
        .expect("an export")
        .lines();
    let all = [
        "list",
        "--all",
        "--oldest",
        "--kind",
        "decision,execution",
        "--actor",
        SENDER,
        "--json",
    ];
    let found = objects(&operator.run(&all).expect(0).stdout);
    let expected: Vec<&Value> = lines
        .iter()
        .filter(|line| {
            ["decision", "execution"].contains(&line.text("kind"))
                && line.0["actor"]["id"] == SENDER
        })
        .map(|line| &line.0)
        .collect();
    assert_eq!(
        found
            .iter()
            .map(|object| &object["entry"])
            .collect::<Vec<_>>(),
        expected
    );
    assert!(
        found.iter().all(|object| object["proven"] == true),
        "{found:?}"
    );

    let recent = operator
        .run(&["list", "--limit", "3", "--since", "1h"])
        .expect(0);
    assert_eq!(recent.stdout.lines().count(), 4, "{recent}");
    assert!(recent.stderr.contains("--all"), "{recent}");
    assert!(
        !recent.stdout.contains('\u{1b}'),
        "no colours for a pipe: {recent}"
    );
    operator
        .run(&["list", "--until", "2020-01-01T00:00:00Z"])
        .expect(0)
        .says(&["None of the"]);

    let run = expected[0]["correlation_id"].as_str().expect("a run");
    let whole = operator.json(&["trace", run]);
    let part = operator.json(&["trace", run, "--kind", "decision"]);
    let count = |value: &Value| value["entries"].as_array().expect("entries").len() as u64;
    assert!(
        part["entries"]
            .as_array()
            .expect("entries")
            .iter()
            .all(|entry| entry["kind"] == "decision")
    );
    assert_eq!(
        count(&part) + part["left_out"].as_u64().expect("a number"),
        count(&whole)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_are_for_terminals_unless_somebody_says_otherwise() {
    let (world, operator) = world().await;
    let colored = |words: &[&str]| {
        let words: Vec<&str> = ["list", "--kind", "decision"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        operator.run(&words).expect(0).stdout.contains('\u{1b}')
    };
    assert!(!colored(&[]));
    assert!(!colored(&["--color", "auto"]));
    assert!(colored(&["--color", "always"]));
    assert!(!colored(&["--color", "never"]));
    assert!(!colored(&["--color", "always", "--json"]), "JSON has none");
    // On a terminal, which Python makes.
    let ledger = &world.site.ledger;
    for (settings, expected) in [
        (vec![("TERM", "xterm")], true),
        (vec![("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (vec![("TERM", "xterm"), ("NO_COLOR", "")], true),
        (vec![("TERM", "dumb")], false),
    ] {
        let mut terminal = Command::new("python3");
        terminal
            .args([
                "-c",
                "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
            ])
            .arg(bin::command("ledgerctl").get_program())
            .args(["list", "--kind", "decision"])
            .env_remove("NO_COLOR")
            .env("LEDGER_SOCKET", ledger.socket())
            .env("LEDGER_CREDENTIAL", ledger.operator_file())
            .env("LEDGER_VKEY", ledger.vkey_file())
            .stdin(Stdio::null())
            .envs(settings.clone());
        let ran = bin::run(&mut terminal).expect(0);
        assert_eq!(
            ran.stdout.contains('\u{1b}'),
            expected,
            "{settings:?}: {ran}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_prints_as_entries_come_and_ends_quietly_with_its_reader() {
    let (mut world, _) = world().await;
    let ledger = &world.site.ledger;
    let mut tail = bin::command("ledgerctl");
    tail.args(["tail", "--from", "0", "--json", "--marks"])
        .env("LEDGER_SOCKET", ledger.socket())
        .env("LEDGER_CREDENTIAL", ledger.operator_file())
        .env("LEDGER_VKEY", ledger.vkey_file())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = tail.spawn().expect("it starts");
    let mut printed = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    let mut seqs = Vec::new();
    let size = loop {
        line.clear();
        assert!(
            printed.read_line(&mut line).expect("a line") > 0,
            "it ended after {seqs:?}"
        );
        let object: Value = serde_json::from_str(&line).expect("JSON");
        match object["mark"]["size"].as_u64() {
            Some(size) => break size,
            None => seqs.push(object["seq"].as_u64().expect("a seq")),
        }
    };
    assert_eq!(seqs, (0..size).collect::<Vec<_>>());
    // Its reader has gone: the next entry ends it, without a word.
    drop(printed);
    world.happen(&mut Dice::new(2), 3).await;
    let status = bin::wait(&mut child, bin::PATIENCE).expect("it ends");
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("UTF-8");
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_receipt_holds_against_the_log_of_today() {
    let (mut world, operator) = world().await;
    let [old, new] = ["old.tlog-proof", "new.tlog-proof"].map(|name| world.site.ledger.path(name));
    let (old_text, new_text) = (old.to_str().expect("UTF-8"), new.to_str().expect("UTF-8"));
    operator.run(&["receipt", "8", "--out", old_text]).expect(0);
    world.happen(&mut Dice::new(4), 10).await;
    operator
        .run(&["receipt", "--refresh", old_text, "--out", new_text])
        .expect(0)
        .says(&["Holds"]);
    assert_ne!(
        std::fs::read(&old).expect("a file"),
        std::fs::read(&new).expect("a file")
    );
    let answer = operator.json(&["receipt", "--refresh", new_text]);
    assert_eq!(
        (&answer["consistent"], &answer["included"], &answer["seq"]),
        (&true.into(), &true.into(), &8.into())
    );
    world.site.verifier().run("receipt", &[new_text]).expect(0);

    // One byte of the entry is another one: the file itself is refused.
    let text = std::fs::read(&old).expect("a file");
    let mut forged = text.clone();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    std::fs::write(&new, forged).expect("a file");
    operator.run(&["receipt", "--refresh", new_text]).expect(1);
    operator
        .run(&["receipt", "--refresh", "no/such/file"])
        .expect(2);
}

#[test]
fn bash_completes_what_was_begun() {
    for program in ["ledgerctl", "ledgerd", "ledger-verify"] {
        for shell in ["bash", "zsh", "fish"] {
            let script = bin::run(bin::command(program).args(["completions", shell])).expect(0);
            assert!(script.stdout.contains(program), "{script}");
        }
        let script = bin::run(bin::command(program).args(["completions", "bash"]))
            .expect(0)
            .stdout;
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("completions");
        std::fs::write(&file, script).expect("a file");
        bin::run(Command::new("bash").arg("-n").arg(&file)).expect(0);
        // What a shell does when somebody presses the tabulator.
        let ask = r#"
source "$1"
read -r _ _ function _ < <(complete -p "$2" | sed 's/.*-F \([^ ]*\).*/x x \1/')
COMP_WORDS=("$2" "$3"); COMP_CWORD=1
"$function" "$2" "$3" "$2"
printf '%s\n' "${COMPREPLY[@]}"
"#;
        let (begun, expected) = match program {
            "ledgerctl" => ("li", "list"),
            "ledgerd" => ("reb", "rebuild"),
            _ => ("cons", "consistency"),
        };
        let mut bash = Command::new("bash");
        bash.args(["-c", ask, "bash"])
            .arg(&file)
            .args([program, begun]);
        let ran = bin::run(&mut bash).expect(0);
        assert!(ran.stdout.lines().any(|line| line == expected), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_retries_goes_on_after_a_restart_without_a_gap() {
    let (world, _) = world().await;
    let World { site, .. } = world;
    let ledger_tests::Site { daemon, ledger, .. } = site;
    let mut tail = bin::command("ledgerctl");
    tail.args(["tail", "--from", "0", "--json", "--retry"])
        .env("LEDGER_SOCKET", ledger.socket())
        .env("LEDGER_CREDENTIAL", ledger.operator_file())
        .env("LEDGER_VKEY", ledger.vkey_file())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = tail.spawn().expect("it starts");
    let printed = BufReader::new(child.stdout.take().expect("a pipe"));
    let (seen, mut seqs) = tokio::sync::mpsc::unbounded_channel();
    let reader = std::thread::spawn(move || {
        for line in printed.lines().map_while(Result::ok) {
            let object: Value = serde_json::from_str(&line).expect("JSON");
            if seen.send(object["seq"].as_u64().expect("a seq")).is_err() {
                return;
            }
        }
    });
    let mut expected = 0;
    let mut up_to = async |size: u64| {
        while expected < size {
            let next = tokio::time::timeout(bin::PATIENCE, seqs.recv());
            assert_eq!(next.await.expect("in time"), Some(expected));
            expected += 1;
        }
    };
    up_to(daemon.client(ledger.operator()).size().await).await;
    daemon.stop().await;
    let daemon = ledger.run().await;
    up_to(daemon.client(ledger.operator()).size().await).await;
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    drop(seqs);
    reader.join().expect("no panic");
}
