use std::os::unix::fs::MetadataExt;

use ledger_core::entry::{ActorType, Entry};
use ledger_core::trust::Trust;

use super::*;
use crate::config::EnvironmentName;
use crate::open::{StartError, check_genesis, genesis as genesis_of, open_log};

fn options(home: &Path) -> Init {
    Init {
        data: home.join("d"),
        origin: "ledger.example/test".to_owned(),
        environment: EnvironmentName::Prod,
        head: None,
        operator: "ops.1".to_owned(),
        credential_out: home.join("ops.credential"),
    }
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_new_ledger_has_genesis_and_one_operator_under_one_checkpoint() {
    let home = home();
    let text = init(&options(home.path())).expect("made");
    let layout = Layout::of(&home.path().join("d"));
    let vkey = fs::read_to_string(layout.vkey()).expect("written");
    assert!(
        text.contains(vkey.trim()),
        "the verification key is printed:\n{text}"
    );
    assert_eq!(
        fs::metadata(&layout.dir).expect("there").mode() & 0o777,
        0o700
    );
    assert!(!layout.incomplete().exists());

    let log = open_log(&layout).expect("opens");
    let store = log.opened.store;
    let committed = store.committed();
    let verified = Trust::parse_vkey(vkey.trim())
        .expect("a vkey")
        .verify_checkpoint(&committed.checkpoint);
    assert_eq!(verified.expect("signed").checkpoint.size, 2);
    let genesis = genesis_of(&store).expect("a genesis");
    let keys = Keys::load(&layout.keys(), "ledger.example/test").expect("keys");
    check_genesis(&genesis, &keys).expect("the keys of genesis");
    assert_eq!(genesis.reserved.len(), 7);
    let operator = Entry::decode(&store.entry(1).expect("there")).expect("an entry");
    let Body::Principal(operator) = operator.body else {
        panic!("{operator:?}")
    };
    assert_eq!(
        (operator.id.as_str(), operator.role),
        ("ops.1", Role::Operator)
    );
    assert_eq!(operator.cause.actor.kind, ActorType::Ledger);
    let credential = fs::read_to_string(home.path().join("ops.credential")).expect("written");
    assert_eq!(
        operator.credential,
        Some(Hash::of(&hex::decode(credential.trim()).expect("hex")))
    );
    let (_, head) = HeadFile::open(&home.path().join("d.head")).expect("a head file");
    assert_eq!(head, committed.checkpoint.to_vec());
}

#[test]
fn whatever_is_there_stays_as_it_is() {
    let home = home();
    init(&options(home.path())).expect("made");
    let before = fs::read(home.path().join("d/keys/signing.key")).expect("there");
    assert!(matches!(
        init(&options(home.path())),
        Err(InitError::Exists { .. })
    ));
    assert_eq!(
        fs::read(home.path().join("d/keys/signing.key")).expect("there"),
        before
    );

    let other = options(home.path());
    let other = Init {
        data: home.path().join("other"),
        ..other
    };
    assert!(
        matches!(init(&other), Err(InitError::Taken { .. })),
        "the credential file"
    );
    let other = Init {
        credential_out: home.path().join("new"),
        head: Some(home.path().join("d.head")),
        ..other
    };
    assert!(
        matches!(init(&other), Err(InitError::Taken { .. })),
        "the head file"
    );
    assert!(!home.path().join("other").exists(), "nothing was made");

    fs::create_dir(home.path().join("full")).expect("a folder");
    fs::write(home.path().join("full/precious"), "x").expect("a file");
    let full = Init {
        data: home.path().join("full"),
        head: None,
        ..other
    };
    assert!(matches!(init(&full), Err(InitError::NotEmpty { .. })));
}

#[test]
fn an_empty_directory_is_taken_and_made_private() {
    let home = home();
    fs::create_dir(home.path().join("d")).expect("a folder");
    init(&options(home.path())).expect("made");
    assert_eq!(
        fs::metadata(home.path().join("d")).expect("there").mode() & 0o777,
        0o700
    );
}

#[test]
fn after_an_interruption_both_init_and_run_say_what_to_do() {
    let home = home();
    // The head file's path cannot be made: init fails after the commit, before its last step.
    let interrupted = Init {
        head: Some(home.path().join("no/such/folder/head")),
        ..options(home.path())
    };
    assert!(matches!(init(&interrupted), Err(InitError::Head(_))));
    let again = init(&options(home.path())).expect_err("half made");
    assert!(matches!(again, InitError::Incomplete { .. }), "{again}");
    assert!(again.to_string().contains("run this again"), "{again}");
    let run = open_log(&Layout::of(&home.path().join("d"))).expect_err("half made");
    assert!(matches!(run, StartError::Incomplete { .. }), "{run}");
}

#[test]
fn bad_arguments_are_refused_before_anything_is_made() {
    let home = home();
    for (what, options) in [
        (
            "an empty origin",
            Init {
                origin: String::new(),
                ..options(home.path())
            },
        ),
        (
            "a space in the origin",
            Init {
                origin: "my ledger".to_owned(),
                ..options(home.path())
            },
        ),
        (
            "a plus in the origin",
            Init {
                origin: "ledger.example/a+b".to_owned(),
                ..options(home.path())
            },
        ),
        (
            "a long origin",
            Init {
                origin: "x".repeat(129),
                ..options(home.path())
            },
        ),
        (
            "a person's address",
            Init {
                operator: "ann@example.com".to_owned(),
                ..options(home.path())
            },
        ),
        (
            "the ledger's own id",
            Init {
                operator: "ledger".to_owned(),
                ..options(home.path())
            },
        ),
    ] {
        let error = init(&options).expect_err(what);
        assert!(matches!(error, InitError::Argument(_)), "{what}: {error}");
        assert!(!error.to_string().contains("ann@"), "{error}");
        assert_eq!(
            fs::read_dir(home.path()).expect("a folder").count(),
            0,
            "{what}"
        );
    }
}

#[test]
fn a_start_with_other_keys_than_those_of_genesis_is_refused() {
    use crate::keys::{CONTENT_FILE, SIGNING_FILE, SUBJECT_FILE};
    let home = home();
    init(&options(home.path())).expect("made");
    let layout = Layout::of(&home.path().join("d"));
    let genesis = genesis_of(&open_log(&layout).expect("opens").opened.store).expect("a genesis");
    for (file, expected) in [
        (SIGNING_FILE, "signing key"),
        (SUBJECT_FILE, "subject key"),
        (CONTENT_FILE, "content key"),
    ] {
        let path = layout.keys().join(file);
        let good = fs::read(&path).expect("there");
        fs::write(&path, format!("{}\n", hex::encode([9; 32]))).expect("written");
        let keys = Keys::load(&layout.keys(), "ledger.example/test").expect("keys");
        let error = check_genesis(&genesis, &keys).expect_err("another key");
        assert!(error.to_string().contains(expected), "{error}");
        fs::write(&path, good).expect("written");
    }
    let keys = Keys::load(&layout.keys(), "ledger.example/test").expect("keys");
    check_genesis(&genesis, &keys).expect("its own keys");
    for genesis in [
        Genesis {
            normaliser: "1+psl-1".to_owned(),
            ..genesis.clone()
        },
        Genesis {
            gate: GATE_VERSION + 1,
            ..genesis.clone()
        },
        Genesis {
            tokens_v: 2,
            ..genesis.clone()
        },
    ] {
        assert!(matches!(
            check_genesis(&genesis, &keys),
            Err(StartError::Mismatch { .. })
        ));
    }
}
