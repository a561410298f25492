//! Promotion: what an entry keeps of a sandbox's receipt, and every way to be wrong.

use std::collections::BTreeMap;

use ledger_core::entry::{Body, Entry, KeyEvent, PolicyEntry, PolicyFile, PolicyRef, Promotion};
use ledger_core::hash::Hash;
use ledger_core::judge::{judge, required};
use ledger_core::limits::{
    ENTRY_BYTES_MAX, FAKE_DOMAINS_MAX, POLICY_MAILBOXES_MAX, POLICY_PART_BYTES_MAX,
    PROMOTION_RECEIPT_BYTES_MAX,
};
use ledger_core::policy::policy_hash;
use ledger_core::promotion::{PromotionError, Stripped, policy_parts, strip};
use ledger_core::receipt::Receipt;
use ledger_core::replay::replay;
use ledger_core::token::Token;

use super::house::{APPROVER, House, OPERATOR, at, file};

const POLICY: &str = r#"
version = 1
[[action]]
name = "crm.lookup"
class = "read"
[[grant]]
id = "look"
agent = "agent.one"
actions = ["crm.lookup"]
mailboxes = ["outbound-1", "outbound-2"]
"#;

fn hash(files: &[PolicyFile]) -> Hash {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_bytes()))
        .collect();
    policy_hash(&files)
}

/// A text of several parts.
fn long() -> String {
    format!("{POLICY}# {}\n", "\"\\ \u{e9}\t".repeat(20_000))
}

/// The sandbox's receipt of its publication of `text`, as it hands it out.
fn tried(text: &str) -> (House, Receipt) {
    let mut sandbox = House::sandbox();
    sandbox.publish("version = 1\n", at(1));
    let seq = sandbox.publish(text, at(2));
    sandbox.publish(POLICY, at(3));
    let receipt = sandbox.receipt(seq);
    (sandbox, receipt)
}

/// A production ledger that trusts the sandbox, and the approval of `text` there.
fn ready(sandbox: &House, text: &str) -> (House, u64) {
    let mut prod = House::prod();
    prod.publish("version = 1\n", at(1));
    prod.trust(KeyEvent::Trusted, &sandbox.vkey(), at(2));
    let approval = prod.approve(Ok(hash(&file(text))), at(3));
    (prod, approval)
}

fn refusal(prod: &mut House, text: &str, by: &str, approval: u64, receipt: &str) -> String {
    let size = prod.size();
    let error = prod
        .promote(&file(text), by, (approval, receipt), at(10))
        .unwrap_err();
    assert_eq!(prod.size(), size);
    error.to_string()
}

type Change<'a> = &'a dyn Fn(&mut Promotion);

#[test]
fn a_tried_and_approved_policy_is_promoted() {
    for text in [POLICY.to_owned(), long()] {
        let (sandbox, receipt) = tried(&text);
        let (mut prod, approval) = ready(&sandbox, &text);
        let stripped = strip(&receipt).unwrap();
        assert!(!stripped.contains("crm.lookup"));
        let entries = prod
            .promote(&file(&text), OPERATOR, (approval, &stripped), at(10))
            .unwrap();
        let parts = entries.len();
        assert_eq!(parts > 1, text.len() > POLICY_PART_BYTES_MAX);
        let Body::Policy(first) = &entries[0].body else {
            panic!("no policy")
        };
        let promotion = first.promotion.as_ref().unwrap();
        assert_eq!(promotion.origin, "sandbox.example/ledger");
        assert_eq!(promotion.approver, APPROVER);
        let Body::Key(key) = prod.entry(promotion.key).body else {
            panic!("no key")
        };
        assert_eq!(key.key, sandbox.vkey());
        for entry in &entries[1..] {
            let Body::Policy(part) = &entry.body else {
                panic!("no policy")
            };
            assert_eq!(part.promotion, None);
        }
        assert_eq!(prod.state.policy().unwrap().seq, entries[0].seq);
        let report = replay(&prod.lines);
        assert_eq!(report.fault(), None, "{report:?}");

        // What was taken out is exactly what stands in the sandbox.
        let again = Stripped::parse(&stripped)
            .unwrap()
            .rebuild(&file(&text))
            .unwrap();
        assert_eq!(again, receipt);
        // Evidence about it holds.
        judged(&prod, &entries[0]).unwrap();
        judged(&prod, entries.last().unwrap()).unwrap();

        // An approval is for one promotion.
        let error = refusal(&mut prod, &text, OPERATOR, approval, &stripped);
        let spent = format!(
            "promotion.approval `{approval}`: entry {} has used it up",
            entries[0].seq
        );
        assert!(error.starts_with(&spent), "{error}");
    }
}

fn judged(house: &House, entry: &Entry) -> Result<(), String> {
    let read = |seq| Ok::<_, ()>((seq < house.size()).then(|| house.entry(seq)));
    let others = required(entry, read).unwrap();
    let others: BTreeMap<u64, Entry> = others.iter().map(|seq| (*seq, house.entry(*seq))).collect();
    judge(entry, &others)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

#[test]
fn files_are_cut_in_one_way_whatever_order_they_come_in() {
    let file = |path: &str, text: &str| PolicyFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let text = "\"x".repeat(9_000);
    let files = [
        file("policy.toml", &text),
        file("a.cedar", ""),
        file("b.cedar", "permit"),
    ];
    let mut turned = files.clone();
    turned.reverse();
    let parts = policy_parts(&files);
    assert_eq!(parts, policy_parts(&turned));
    assert_eq!(parts.len(), 2);
    let whole: Vec<(&str, usize)> = parts[0]
        .iter()
        .map(|file| (file.path.as_str(), file.text.len()))
        .collect();
    assert_eq!(whole[..2], [("a.cedar", 0), ("b.cedar", 6)]);
    for part in &parts {
        let json = serde_json::to_vec(part).unwrap();
        assert!(json.len() <= POLICY_PART_BYTES_MAX, "{}", json.len());
        // A part cut again is itself, so that it can be put back knowing itself alone.
        assert_eq!(policy_parts(part), std::slice::from_ref(part));
    }
    assert_eq!(parts[0][2].text.clone() + &parts[1][0].text, text);
}

#[test]
fn what_does_not_belong_to_the_text_is_refused() {
    let (sandbox, receipt) = tried(POLICY);
    let stripped = strip(&receipt).unwrap();
    let other = format!("{POLICY}# other\n");
    let (mut prod, approval) = ready(&sandbox, POLICY);
    let error = refusal(&mut prod, &other, OPERATOR, approval, &stripped);
    let expected = format!(
        "promotion.receipt: the sandbox published the policy {}, this text is {}",
        hash(&file(POLICY)),
        hash(&file(&other))
    );
    assert!(error.starts_with(&expected), "{error}");

    // A sandbox that states the hash of one text and has published another.
    let mut lie = sandbox.entry(receipt.seq);
    let Body::Policy(policy) = &mut lie.body else {
        panic!("no policy")
    };
    policy.sha256 = Some(hash(&file(&other)));
    let mut liar = House::sandbox();
    liar.lines.push(
        Entry {
            seq: liar.size(),
            ..lie
        }
        .encode()
        .unwrap(),
    );
    let stripped = strip(&liar.receipt(liar.size() - 1)).unwrap();
    let (mut prod, approval) = ready(&liar, &other);
    let error = refusal(&mut prod, &other, OPERATOR, approval, &stripped);
    assert!(
        error.contains("does not hold for this text: inclusion proof"),
        "{error}"
    );
}

#[test]
fn only_a_trusted_key_vouches() {
    let (sandbox, receipt) = tried(POLICY);
    let stripped = strip(&receipt).unwrap();
    let mut prod = House::prod();
    let approval = prod.approve(Ok(hash(&file(POLICY))), at(1));
    let unknown = "no key of the ledger `sandbox.example/ledger` is trusted here";
    let error = refusal(&mut prod, POLICY, OPERATOR, approval, &stripped);
    assert!(error.starts_with(unknown), "{error}");
    // Another key of the same name.
    let impostor = House::new(
        "sandbox.example/ledger",
        ledger_core::entry::Environment::Sandbox,
        9,
    );
    prod.trust(KeyEvent::Trusted, &impostor.vkey(), at(2));
    let error = refusal(&mut prod, POLICY, OPERATOR, approval, &stripped);
    assert!(
        error.contains("does not hold for this text: checkpoint"),
        "{error}"
    );
    prod.trust(KeyEvent::Trusted, &sandbox.vkey(), at(3));
    prod.trust(KeyEvent::Distrusted, &sandbox.vkey(), at(4));
    let error = refusal(&mut prod, POLICY, OPERATOR, approval, &stripped);
    assert!(error.starts_with(unknown), "{error}");
    prod.trust(KeyEvent::Trusted, &sandbox.vkey(), at(5));
    prod.promote(&file(POLICY), OPERATOR, (approval, &stripped), at(10))
        .unwrap();
}

#[test]
fn only_an_approval_of_exactly_this_lets_it_in() {
    let (sandbox, receipt) = tried(POLICY);
    let stripped = strip(&receipt).unwrap();
    let (mut prod, approval) = ready(&sandbox, POLICY);
    let other = prod.approve(Ok(Hash([4; 32])), at(4));
    for (seq, expected) in [
        (
            prod.size(),
            "expected the seq of an entry that approves the policy",
        ),
        (0, "expected the seq of an entry that approves the policy"),
        (other, "it approves the policy 0404"),
    ] {
        let error = refusal(&mut prod, POLICY, OPERATOR, seq, &stripped);
        let expected = format!("promotion.approval `{seq}`: {expected}");
        assert!(error.starts_with(&expected), "{error}");
    }
    // Until its time is over, and not at it.
    let Body::Approval(granted) = prod.entry(approval).body else {
        panic!("no approval")
    };
    let end = granted.expires_at.unwrap();
    let late = prod
        .promote(&file(POLICY), OPERATOR, (approval, &stripped), end)
        .unwrap_err()
        .to_string();
    assert!(late.contains(&format!("it expired at {end}")), "{late}");
}

#[test]
fn what_is_no_receipt_of_a_sandboxs_policy_is_refused() {
    let (sandbox, receipt) = tried(&long());
    let of = |seq: u64| strip(&sandbox.receipt(seq)).unwrap_err();
    assert_eq!(of(0), PromotionError::Kind { kind: "genesis" });
    let first = receipt.seq;
    assert_eq!(of(first + 1), PromotionError::Continuation { first });
    let mut prod = House::prod();
    let seq = prod.publish(POLICY, at(1));
    assert_eq!(
        strip(&prod.receipt(seq)),
        Err(PromotionError::NotSandbox { seq })
    );

    let stripped = strip(&receipt).unwrap();
    let lie = Receipt {
        seq: receipt.seq - 1,
        ..Receipt::parse(stripped.as_bytes()).unwrap()
    };
    assert!(matches!(strip(&lie), Err(PromotionError::Seq { .. })));
    assert!(matches!(
        Stripped::parse(""),
        Err(PromotionError::Receipt(_))
    ));
    // As the sandbox hands it out it is not stored: the text would stand twice.
    let whole = String::from_utf8(sandbox.receipt(4).to_bytes()).unwrap();
    assert_eq!(Stripped::parse(&whole).unwrap_err(), PromotionError::Form);
    let bytes = PROMOTION_RECEIPT_BYTES_MAX + 1;
    assert_eq!(
        Stripped::parse(&"x".repeat(bytes)),
        Err(PromotionError::TooLarge { bytes })
    );
}

#[test]
fn witnesses_stay_behind_and_nothing_else_comes_along() {
    let (sandbox, receipt) = tried(POLICY);
    let mut witnessed = receipt.clone();
    let line = "\u{2014} witness.example/w AAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==\n";
    witnessed.checkpoint.extend_from_slice(line.as_bytes());
    let bare = strip(&receipt).unwrap();
    assert_eq!(strip(&witnessed).unwrap(), bare);
    assert_eq!(
        Stripped::parse(&format!("{bare}{line}")).unwrap_err(),
        PromotionError::Form
    );
    let (mut prod, approval) = ready(&sandbox, POLICY);
    prod.promote(&file(POLICY), OPERATOR, (approval, &bare), at(10))
        .unwrap();
}

#[test]
fn a_sandbox_takes_no_promotion() {
    let (tried_in, receipt) = tried(POLICY);
    let mut other = House::new(
        "other.example/ledger",
        ledger_core::entry::Environment::Sandbox,
        11,
    );
    other.trust(KeyEvent::Trusted, &tried_in.vkey(), at(1));
    let approval = other.approve(Ok(hash(&file(POLICY))), at(2));
    let error = refusal(
        &mut other,
        POLICY,
        OPERATOR,
        approval,
        &strip(&receipt).unwrap(),
    );
    assert!(error.starts_with("this ledger is a sandbox"), "{error}");
}

/// Each mutation, made in a log that is otherwise well formed, is found by replay at that entry, and by
/// whoever judges the entry's evidence.
#[test]
fn replay_and_judge_name_a_forged_promotion() {
    let (sandbox, receipt) = tried(POLICY);
    let (mut prod, approval) = ready(&sandbox, POLICY);
    let stripped = strip(&receipt).unwrap();
    let entry = prod
        .promote(&file(POLICY), OPERATOR, (approval, &stripped), at(10))
        .unwrap()
        .remove(0);
    assert_eq!(replay(&prod.lines).fault(), None);
    let (_, another) = tried(&format!("{POLICY}# another\n"));
    let another = strip(&another).unwrap();
    let forged = stripped.replace("extra ", "extra A");
    let mutations: [(&str, Change<'_>); 5] = [
        ("receipt-of-another-text", &|promotion| {
            promotion.receipt.clone_from(&another);
        }),
        ("receipt-spoiled", &|promotion| {
            promotion.receipt.clone_from(&forged);
        }),
        ("origin", &|promotion| {
            promotion.origin = "elsewhere.example/ledger".to_owned();
        }),
        ("key", &|promotion| promotion.key -= 1),
        ("approver", &|promotion| {
            promotion.approver = OPERATOR.to_owned();
        }),
    ];
    for (name, mutate) in mutations {
        let mut entry = entry.clone();
        let Body::Policy(policy) = &mut entry.body else {
            panic!("no policy")
        };
        mutate(policy.promotion.as_mut().unwrap());
        let mut lines = prod.lines.clone();
        *lines.last_mut().unwrap() = entry.encode().unwrap();
        let report = replay(&lines);
        let found: Vec<u64> = report
            .mismatches
            .iter()
            .map(|mismatch| mismatch.seq)
            .collect();
        assert_eq!(found, [entry.seq], "{name}: {report:?}");
        assert!(judged(&prod, &entry).is_err(), "{name}");
    }
}

/// The longest names, hashes and numbers everywhere, and a log as long as one can be.
#[test]
fn the_largest_promoted_entry_fits() {
    let long_name = |at: usize, bytes: usize| format!("{at:02}{}", "n".repeat(bytes - 2));
    let text = format!("{POLICY}# {}\n", "x".repeat(2 * POLICY_PART_BYTES_MAX));
    let (mut sandbox, _) = tried(POLICY);
    let mut policy = sandbox.publication(&file(&text), OPERATOR);
    fill(&mut policy, long_name);
    let first = PolicyEntry {
        sha256: Some(Hash([5; 32])),
        parts: Some(70),
        files: policy_parts(&policy.files).remove(0),
        ..policy
    };
    let entry = Entry {
        seq: (1 << 53) - 1,
        time: at(1),
        sandbox: true,
        body: Body::Policy(first.clone()),
    };
    let receipt = Receipt {
        entry: entry.encode().unwrap(),
        seq: entry.seq,
        proof: vec![Hash([6; 32]); 63],
        ..sandbox.receipt(3)
    };
    let stripped = strip(&receipt).unwrap();
    println!(
        "stripped: {} of {PROMOTION_RECEIPT_BYTES_MAX}",
        stripped.len()
    );
    let mut promoted = first;
    promoted.promotion = Some(Box::new(Promotion {
        approval: (1 << 53) - 1,
        receipt: stripped.clone() + &" ".repeat(PROMOTION_RECEIPT_BYTES_MAX - stripped.len()),
        origin: "o".repeat(200),
        key: (1 << 53) - 1,
        approver: long_name(0, 64),
    }));
    let entry = Entry {
        sandbox: false,
        body: Body::Policy(promoted),
        ..entry
    };
    let bytes = entry.encode().unwrap().len();
    println!("promoted: {bytes} of {ENTRY_BYTES_MAX}");
    assert!(bytes <= ENTRY_BYTES_MAX);
}

fn fill(policy: &mut PolicyEntry, name: impl Fn(usize, usize) -> String) {
    policy.cause.request_id = Some(name(0, 128));
    policy.cause.action_id = Some(name(0, 128));
    policy.cause.correlation_id = Some(name(0, 128));
    policy.cause.actor.id = name(0, 64);
    policy.replaces = Some(PolicyRef {
        seq: (1 << 53) - 1,
        sha256: Hash([7; 32]),
    });
    let token = Token([0xab; 32]);
    let names = |count: usize, bytes| (0..count).map(move |at| (at, bytes));
    policy.mailboxes = names(POLICY_MAILBOXES_MAX, 64)
        .map(|(at, bytes)| (name(at, bytes), token))
        .collect();
    policy.fake_domains = names(FAKE_DOMAINS_MAX, 253)
        .map(|(at, bytes)| (name(at, bytes), token))
        .collect();
}
