//! Policies that are not valid.

use ledger_proto::v1 as pb;
use ledger_tests::{ask, site};
use tonic::Code;

use crate::house::{House, Write};

#[tokio::test]
async fn invalid_policies_change_nothing_and_name_line_and_key() {
    let house = House::open().await;
    let shown = house
        .site
        .operator
        .show_policy(pb::ShowPolicyRequest {})
        .await
        .expect("a policy is in force");
    let grant = "[[grant]]\nid = \"g\"\nagent = \"a\"\n";
    let throttle = "[[throttle]]\nid = \"t\"\nper = \"agent\"\nlimit = 1\n";
    for (what, text, place) in [
        (
            "no TOML",
            "version = 1\n[[grant\n".to_owned(),
            "policy.toml:2",
        ),
        (
            "no version",
            "[numbers]\nvalid_for_s = 60\n".to_owned(),
            "version",
        ),
        (
            "another version",
            "version = 2\n".to_owned(),
            "policy.toml:1 version",
        ),
        (
            "a key that is not enforced",
            "version = 1\ntier = 3\n".to_owned(),
            "policy.toml:2 tier",
        ),
        (
            "a lower class",
            "version = 1\n[[action]]\nname = \"email.send\"\nclass = \"write\"\n".to_owned(),
            "policy.toml:4 action[0].class",
        ),
        (
            "an unknown action",
            format!("version = 1\n{grant}actions = [\"crm.merge\"]\n"),
            "policy.toml:5 grant[0].actions[0]",
        ),
        (
            "contact for nobody",
            format!("version = 1\n{grant}actions = [\"email.send\"]\n"),
            "grant[0].sellers",
        ),
        (
            "a window of 32 days",
            format!("version = 1\n{throttle}actions = [\"email.send\"]\nwindow = \"32d\"\n"),
            "policy.toml:7 throttle[0].window",
        ),
        (
            "a number out of range",
            "version = 1\n[numbers]\nvalid_for_s = 0\n".to_owned(),
            "numbers.valid_for_s",
        ),
        (
            "an address",
            "version = 1\n# ana@buyer.example\n".to_owned(),
            "policy.toml:2",
        ),
        (
            "over its limit",
            format!("version = 1\n{}", "# more\n".repeat(40_000)),
            "policy.toml",
        ),
    ] {
        let publish = Write::Publish(ask::policy(&site::fresh("policy"), &text));
        let refused = house
            .refuses(what, publish, Code::InvalidArgument)
            .await
            .says(what, &["stays in force"]);
        let fields = refused.fields();
        assert!(
            fields.iter().any(|field| field.contains(place)),
            "{what}: expected `{place}` in {fields:?}"
        );
    }
    let no_files = pb::PublishPolicyRequest {
        promotion: None,
        header: ask::header("empty"),
        files: Vec::new(),
    };
    house
        .refuses("no files", Write::Publish(no_files), Code::InvalidArgument)
        .await;

    let still = house
        .site
        .operator
        .show_policy(pb::ShowPolicyRequest {})
        .await
        .expect("a policy is in force");
    assert_eq!(still, shown);
    let request = ask::email("ask", "run-1", "ana@buyer.example", "c-1");
    let reply = house
        .agent
        .decide(request)
        .await
        .expect("the old policy decides");
    assert_eq!(reply.outcome(), pb::Outcome::Allow, "{:?}", reply.reasons);
}
