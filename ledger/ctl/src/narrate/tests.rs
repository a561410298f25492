//! Entries as the log has them, and what people read of them. The entries are read strictly: a line
//! that is not exactly one is no example.

use ledger_core::entry::Entry;

use crate::output::Style;

const T: &str = "5151515151515151515151515151515151515151515151515151515151515151";
const U: &str = "8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e8e";
const H: &str = "77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab77ab";

/// The paragraph of one entry; `TT`, `UU` and `HH` stand for tokens and a hash.
fn told(line: &str) -> String {
    let line = line.replace("TT", T).replace("UU", U).replace("HH", H);
    let entry = Entry::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
    super::entry(&entry, Style::PLAIN)
}

#[test]
fn a_denial_says_who_asked_for_what_and_why_not() {
    let line = concat!(
        r#"{"v":1,"seq":41,"time":"2026-11-22T11:31:05.123456Z","kind":"decision","basis":"gate","request_id":"r-1","#,
        r#""call":"Decide","correlation_id":"run-7f3a","content":"HH","actor":{"type":"agent","id":"agent.outbound.sender","#,
        r#""version":"sha256:9c1e"},"environment":"prod","action":"email.send","class":"contact","channels":["email"],"#,
        r#""tool":"gmail.messages.send","seller":"acme","campaign":"q4-renewals","mailbox":"TT","#,
        r#""targets":[{"type":"deal","id":"UU","writes":["stage","owner"]}],"recipients":[{"role":"to","keys":["#,
        r#"{"kind":"email","token":"TT"},{"kind":"email.canonical","token":"UU"},{"kind":"domain","token":"TT"},"#,
        r#"{"kind":"domain","token":"UU"},{"kind":"contact","token":"UU"}],"dnc":true,"unusable":["phone"]}],"tokens_v":1,"#,
        r#""cost_micros":1500000,"foreign":{"engine":"cedar","policy":"HH","outcome":"allow"},"#,
        r#""policy":{"seq":3,"sha256":"HH"},"outcome":"deny","reasons":["#,
        r#"{"check":"dnc","code":"dnc.listed","recipient":0,"key":"domain","cites":[{"seq":17,"index":0}]},"#,
        r#"{"check":"throttle","code":"throttle.exceeded","rule":"mailbox-day"},"#,
        r#"{"check":"grant","code":"grant.row","rule":"outbound-sends"}],"reasons_total":4,"#,
        r#""throttles":[{"rule":"mailbox-day","count":25,"needs":1,"limit":25,"window_s":86400,"passes_at":"2026-11-22T18:00:00.000000Z"},"#,
        r#"{"rule":"person-day","recipient":0,"key":"contact","count":0,"needs":1,"limit":1,"window_s":86400}],"#,
        r#""details":{"params":{"commitment":"HH","bytes":812,"redacted":1},"rationale":{"commitment":"HH","bytes":144}}}"#,
    );
    assert_eq!(
        told(line),
        "\
#41  2026-11-22T11:31:05.123456Z  decision: DENY
     Agent `agent.outbound.sender` (version sha256:9c1e) asked for `email.send` (contact by email)
     with tool `gmail.messages.send` for seller `acme` in campaign `q4-renewals` from mailbox
     51515151….
     Recipient 0 (to) is known by email, email.canonical, domain and contact; not usable: phone;
     flagged in the CRM as not to be contacted.
     Target: deal 8e8e8e8e…, writes stage and owner.
     The engine `cedar` had decided allow under its policy 77ab77ab….
     - dnc.listed: recipient 0 must not be contacted: listed by domain (listing 17/0).
     - throttle.exceeded: the throttle `mailbox-day` has no room left.
     - grant.row: granted by the policy's row `outbound-sends`.
     These are 3 of 4 reasons.
     - throttle `mailbox-day`: 25 of 25 in 24h, needs 1, would pass at 2026-11-22T18:00:00.000000Z
     - throttle `person-day`: 0 of 1 in 24h for the contact id of recipient 0, needs 1
     Cost: 1.5.
     Under policy 3 (77ab77ab…).
     Kept outside the log: params (812 bytes, 1 secret replaced), rationale (144 bytes).
"
    );
}

#[test]
fn an_allow_says_until_when_and_an_impersonator_whom_it_named() {
    let line = concat!(
        r#"{"v":1,"seq":6,"time":"2026-11-22T11:31:05.123456Z","kind":"decision","basis":"gate","request_id":"r-1","#,
        r#""call":"Decide","correlation_id":"run-7f3a","content":"HH","actor":{"type":"agent","id":"agent.a"},"agent":"agent.b","#,
        r#""environment":"prod","action":"crm.read","class":"read","outcome":"allow","reasons":["#,
        r#"{"check":"grant","code":"grant.row","rule":"reads"}],"valid_until":"2026-11-22T11:32:05.123456Z","#,
        r#""report_by":"2026-11-22T11:46:05.123456Z"}"#,
    );
    assert_eq!(
        told(line),
        "\
#6  2026-11-22T11:31:05.123456Z  decision: ALLOW
     Agent `agent.a` asked for `crm.read` (read).
     The request named another agent than its caller: `agent.b`.
     - grant.row: granted by the policy's row `reads`.
     To be started before 2026-11-22T11:32:05.123456Z and reported before
     2026-11-22T11:46:05.123456Z.
     Before any policy was published.
"
    );
}

#[test]
fn many_recipients_are_counted() {
    let recipient = r#"{"role":"bcc","keys":[{"kind":"phone","token":"TT"}]}"#;
    let line = format!(
        concat!(
            r#"{{"v":1,"seq":6,"time":"2026-11-22T11:31:05.123456Z","kind":"decision","basis":"asserted","request_id":"r-1","#,
            r#""call":"Record","correlation_id":"run","content":"HH","actor":{{"type":"agent","id":"agent.a"}},"#,
            r#""environment":"prod","action":"crm.read","class":"read","recipients":[{}],"outcome":"require_approval","#,
            r#""findings":["under_stop"]}}"#,
        ),
        [recipient; 7].join(",")
    );
    let text = told(&line);
    assert!(text.starts_with("#6  2026-11-22T11:31:05.123456Z  decision: APPROVAL REQUIRED (asserted by another engine)\n"));
    assert!(
        text.contains("     Agent `agent.a` reported a decision on `crm.read` (read).\n"),
        "{text}"
    );
    assert_eq!(text.matches(" (bcc) is known by phone.").count(), 5);
    assert!(text.contains("     And 2 more recipients.\n"), "{text}");
    assert!(text.contains("     ! under_stop: A decision made elsewhere was recorded while a stop was in force for it.\n"), "{text}");
}

#[test]
fn an_execution_refers_to_its_decision_and_shows_its_findings() {
    let line = concat!(
        r#"{"v":1,"seq":42,"time":"2026-11-22T11:31:09.000000Z","kind":"execution","request_id":"r-2","call":"Record","#,
        r#""correlation_id":"run-7f3a","content":"HH","actor":{"type":"recorder","id":"gateway"},"decision":41,"status":"partial","#,
        r#""error_code":"550","provider":"gmail","provider_id":"TT","started_at":"2026-11-22T11:31:06.000000Z","#,
        r#""occurred_at":"2026-11-22T11:31:08.000000Z","cost_micros":2000001,"results":[{"recipient":1,"status":"failure","error_code":"550"}],"#,
        r#""policy":{"seq":3,"sha256":"HH"},"findings":["decision_denied"],"details":{"response":{"commitment":"HH","bytes":1}}}"#,
    );
    assert_eq!(
        told(line),
        "\
#42  2026-11-22T11:31:09.000000Z  execution: contradicts the log
     Recorder `gateway` reported on decision #41: done in part, error code `550`, by provider
     `gmail`, provider's id 51515151….
     - recipient 1: tried and failed, error code `550`
     By the runtime's clock: started 2026-11-22T11:31:06.000000Z, happened
     2026-11-22T11:31:08.000000Z.
     Cost: 2.000001.
     ! decision_denied: The act was carried out, or reported, although its decision was a denial.
     Under policy 3 (77ab77ab…).
     Kept outside the log: response (1 byte).
"
    );
}

#[test]
fn later_reports_refer_to_what_they_are_about() {
    let outcome = concat!(
        r#"{"v":1,"seq":50,"time":"2026-11-22T12:00:00.000000Z","kind":"outcome","request_id":"r-3","call":"Record","#,
        r#""correlation_id":"run-7f3a","content":"HH","actor":{"type":"recorder","id":"gateway"},"execution":42,"event":"bounce_hard","#,
        r#""recipient":0,"provider":"ses","occurred_at":"2026-11-22T11:59:00.000000Z","decision":41}"#,
    );
    assert_eq!(
        told(outcome),
        "\
#50  2026-11-22T12:00:00.000000Z  outcome
     Recorder `gateway` reported a hard bounce of recipient 0 to execution #42 of decision #41, by
     provider `ses`.
     By the provider's clock: 2026-11-22T11:59:00.000000Z.
     Before any policy was published.
"
    );
    let unresolved = concat!(
        r#"{"v":1,"seq":51,"time":"2026-11-22T12:00:00.000000Z","kind":"unresolved","correlation_id":"run-7f3a","#,
        r#""actor":{"type":"ledger","id":"ledger"},"decision":41}"#,
    );
    assert_eq!(
        told(unresolved),
        "\
#51  2026-11-22T12:00:00.000000Z  unresolved
     Nobody reported in time on the allow #41: whether the act happened is not known.
"
    );
}

#[test]
fn what_people_did_names_them() {
    let cause = r#""request_id":"r","call":"CALL","content":"HH","actor":{"type":"operator","id":"revops"}"#;
    let line = |kind: &str, call: &str, rest: &str| {
        let cause = cause.replace("CALL", call);
        told(&format!(
            r#"{{"v":1,"seq":9,"time":"2026-11-22T12:00:00.000000Z","kind":"{kind}",{cause},{rest}}}"#
        ))
    };
    let cases = [
        (
            line(
                "stop",
                "Stop",
                r#""scope":{"type":"agent","id":"agent.a"},"voided":1"#,
            ),
            "stop\n     Operator `revops` stopped agent `agent.a`; that voided 1 outstanding allow.\n",
        ),
        (
            line(
                "resume",
                "Resume",
                r#""scope":{"type":"class","class":"contact"},"stops":[4,7]"#,
            ),
            "resume\n     Operator `revops` resumed class `contact`; that ended #4 and #7.\n",
        ),
        (
            line(
                "principal",
                "PutPrincipal",
                r#""id":"agent.a","role":"agent","groups":["emea"],"credential":"HH","change":"added""#,
            ),
            "principal\n     Operator `revops` added the agent `agent.a`, in emea.\n",
        ),
        (
            line(
                "policy",
                "PublishPolicy",
                r#""sha256":"HH","replaces":{"seq":3,"sha256":"HH"},"files":[{"path":"policy.toml","text":"version = 1"}]"#,
            ),
            "policy\n     Operator `revops` published the policy 77ab77ab…; it replaces that of #3 (77ab77ab…).\n",
        ),
        (
            line(
                "dnc",
                "AddDnc",
                r#""op":"list","tokens_v":1,"listings":[{"keys":[{"kind":"email","token":"TT"},{"kind":"email.canonical","token":"UU"}],"seller":"acme","channels":["email","sms"],"reason":"manual","source":"hubspot","expires_at":"2026-12-01T00:00:00.000000Z"}]"#,
            ),
            "dnc\n     Operator `revops` listed 1 subject.\n     - 0: by email and email.canonical, for seller `acme`, by email, \
             sms, because of manual, from\n       hubspot, until 2026-12-01T00:00:00.000000Z\n",
        ),
        (
            line(
                "dnc",
                "RemoveDnc",
                r#""op":"unlist","ends":[{"seq":17,"index":0},{"seq":17,"index":2}],"evidence":"HH""#,
            ),
            "dnc\n     Operator `revops` ended 2 listings.\n     Ended: 17/0 and 17/2.\n     Justified by the document with \
             SHA-256 77ab77ab….\n",
        ),
        (
            line(
                "clock",
                "AcknowledgeClock",
                r#""event":"acknowledged","before":"2026-11-22T11:00:00.000000Z","after":"2026-11-22T12:00:00.000000Z","acknowledges":8"#,
            ),
            "clock\n     The clock jump of #8 was acknowledged by operator `revops`. The last entry's time was\n     \
             2026-11-22T11:00:00.000000Z, the clock's 2026-11-22T12:00:00.000000Z.\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text, format!("#9  2026-11-22T12:00:00.000000Z  {expected}"));
    }
}

#[test]
fn what_the_ledger_says_of_itself() {
    let line = |kind: &str, rest: &str| {
        told(&format!(
            r#"{{"v":1,"seq":0,"time":"2026-11-22T12:00:00.000000Z","kind":"{kind}","actor":{{"type":"ledger","id":"ledger"}}{rest}}}"#
        ))
    };
    let genesis = format!(
        concat!(
            r#","origin":"acme.example/ledger","environment":"prod","gate":1,"key":"{}","subject_key":"HH","content_key":"HH","#,
            r#""normaliser":"1+psl-2.1.247","tokens_v":1,"reserved":["TT"]"#,
        ),
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    );
    let cases = [
        (
            line("genesis", &genesis),
            "genesis\n     The ledger `acme.example/ledger` (prod) was created, gate version 1, normaliser 1+psl-2.1.247.\n     It \
             signs with example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k.\n",
        ),
        (
            line(
                "boot",
                r#","software":"0.1.0","gate":1,"config":"HH","since":"2026-11-22T11:00:00.000000Z","clean":false"#,
            ),
            "boot\n     ledgerd 0.1.0 started with gate version 1. Nothing was recorded since\n     2026-11-22T11:00:00.000000Z, \
             when it had stopped without a word: it died.\n",
        ),
        (
            line("heartbeat", ""),
            "heartbeat\n     Nothing had happened for a while, and the ledger was there.\n",
        ),
        (
            line("shutdown", ""),
            "shutdown\n     The ledger stopped in good order.\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text, format!("#0  2026-11-22T12:00:00.000000Z  {expected}"));
    }
}

#[test]
fn a_read_says_what_was_opened() {
    let line = |rest: &str| {
        told(&format!(
            r#"{{"v":1,"seq":9,"time":"2026-11-22T12:00:00.000000Z","kind":"access","call":{rest}}}"#
        ))
    };
    let actor = r#""actor":{"type":"auditor","id":"audit.firm"}"#;
    let cases = [
        (
            line(&format!(
                r#""GetDetail",{actor},"from":41,"to":42,"detail":"params""#
            )),
            "Auditor `audit.firm` called GetDetail for the detail params of #41.\n",
        ),
        (
            line(&format!(r#""Export",{actor},"from":0,"to":42"#)),
            "Auditor `audit.firm` called Export of #0 to #41.\n",
        ),
        (
            line(&format!(
                r#""Disclose",{actor},"tokens":[{{"kind":"email","token":"TT"}}]"#
            )),
            "Auditor `audit.firm` called Disclose, opening email 51515151….\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            text,
            format!("#9  2026-11-22T12:00:00.000000Z  access\n     {expected}")
        );
    }
}

#[test]
fn what_to_do_stands_once_after_the_reasons_it_is_for() {
    use ledger_core::entry::{Basis, Cause, Code, Decision};
    let reasons = [Code::DncListed, Code::DncListed, Code::GrantNone].map(Code::reason);
    let decision = Decision {
        reasons: reasons.to_vec(),
        ..Decision::request(Basis::Gate, Cause::ledger(), "email.send".to_owned())
    };
    let text = super::reason_lines(&decision, Style::PLAIN);
    let starts: Vec<&str> = text
        .lines()
        .map(|line| line.split_whitespace().next().unwrap_or_default())
        .collect();
    assert_eq!(
        starts,
        [
            "dnc.listed:",
            "dnc.listed:",
            "Do",
            "unlist",
            "grant.none:",
            "Do"
        ],
        "{text}"
    );
}
