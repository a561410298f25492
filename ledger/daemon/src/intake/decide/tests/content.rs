//! What the keyed hash of a request covers.

use super::*;

type Change = &'static dyn Fn(&mut wire::DecideRequest);

/// An approval is bound to the content: everything that is asked for moves it, the approval itself does not.
#[test]
fn the_content_covers_what_is_asked_and_not_the_approval_of_it() {
    let content = |change: &dyn Fn(&mut wire::DecideRequest)| {
        let mut ask = request();
        change(&mut ask);
        taken(ask).0.cause.content.expect("a content")
    };
    let first = content(&|_| {});
    assert_eq!(content(&|r| r.approval = Some(7)), first);
    assert_eq!(content(&|r| r.request_id = "ask-2".to_owned()), first);
    let changes: [(&str, Change); 4] = [
        ("undoes", &|r| r.undoes = Some(7)),
        ("utc_offset", &|r| {
            r.recipients[0].utc_offset = "+01:00".to_owned();
        }),
        ("no id", &|r| r.targets[0].id.clear()),
        ("another id", &|r| r.targets[0].id = "d-8".to_owned()),
    ];
    let mut seen = std::collections::BTreeSet::from([first]);
    for (what, change) in changes {
        assert!(seen.insert(content(change)), "{what} is not covered");
    }
    let (decision, _) = taken(wire::DecideRequest {
        approval: Some(7),
        undoes: Some(8),
        ..request()
    });
    assert_eq!((decision.approval, decision.undoes), (Some(7), Some(8)));
}
