//! Lists: any filter, any pages, while others write.

use ledger_proto::v1 as pb;
use ledger_tests::{Client, Credential, Line, Refused, ask, core_receipt, site};
use pb::entry_filter::About;
use tonic::Code;

use super::model::{Question, Who, answer, tokens};
use super::world::{self, APPROVER, Dice, GROUP, OTHER, PEOPLE, RECORDER, RUNS, SENDER, World};

/// All pages of a list: the size of the log that it is of, and the seqs in the order that they came.
pub(crate) async fn pages(
    client: &Client,
    filter: &pb::EntryFilter,
    order: pb::ListOrder,
    page_size: u32,
) -> (u64, Vec<pb::Receipt>) {
    let mut request = pb::ListRequest {
        filter: Some(filter.clone()),
        order: order.into(),
        page_size,
        page_token: String::new(),
    };
    let mut found = Vec::new();
    loop {
        let reply = client.list(request.clone()).await.expect("a page");
        let most = if page_size == 0 {
            256
        } else {
            page_size as usize
        };
        assert!(
            reply.receipts.len() <= most,
            "a page of {}",
            reply.receipts.len()
        );
        found.extend(reply.receipts);
        if reply.next_page_token.is_empty() {
            return (reply.size, found);
        }
        request.page_token = reply.next_page_token;
    }
}

/// A question of a few parts at random, some of which nothing answers.
async fn question(dice: &mut Dice, operator: &Client, lines: &[Line]) -> Question {
    let mut filter = pb::EntryFilter::default();
    let mut wanted = None;
    for _ in 0..=dice.roll(2) {
        match dice.roll(11) {
            0 => {
                let kinds = [
                    "decision",
                    "execution",
                    "outcome",
                    "dnc",
                    "stop",
                    "access",
                    "genesis",
                ];
                filter.kinds = vec![dice.pick(&kinds).to_owned(), dice.pick(&kinds).to_owned()];
            }
            1 => filter.actors = vec![dice.pick(&[SENDER, OTHER, RECORDER, "ledger"]).to_owned()],
            2 => {
                filter.actions = vec![
                    dice.pick(&["email.send", "crm.read", "meeting.book"])
                        .to_owned(),
                ];
            }
            3 => {
                let outcomes = [
                    pb::Outcome::Allow,
                    pb::Outcome::Deny,
                    pb::Outcome::RequireApproval,
                ];
                filter.outcomes = vec![dice.pick(&outcomes).into()];
            }
            4 => {
                let codes = [
                    "dnc.listed",
                    "grant.none",
                    "grant.row",
                    "dnc.clear",
                    "stop.active",
                ];
                filter.reasons = vec![dice.pick(&codes).to_owned()];
            }
            5 => {
                let words = ["decision_denied", "other_principal", "already_executed"];
                filter.findings = vec![dice.pick(&words).to_owned()];
            }
            6 => {
                filter.classes = vec![
                    dice.pick(&[pb::ActionClass::Contact, pb::ActionClass::Read])
                        .into(),
                ];
            }
            7 => {
                filter.channels = vec![
                    dice.pick(&[pb::Channel::Email, pb::Channel::Meeting])
                        .into(),
                ];
            }
            8 => filter.correlation_id = world::run(dice.roll(RUNS)),
            9 => {
                let time = |line: &Line| {
                    let micros = line.micros();
                    prost_types::Timestamp {
                        seconds: micros / 1_000_000,
                        nanos: i32::try_from(micros % 1_000_000 * 1_000).expect("small"),
                    }
                };
                let (from, until) = (dice.pick(lines), dice.pick(lines));
                if from.micros() < until.micros() {
                    filter.from = Some(time(&from));
                    filter.until = Some(time(&until));
                } else {
                    filter.until = Some(time(&from));
                }
            }
            _ => {
                let number = dice.roll(PEOPLE);
                let subject = match dice.roll(3) {
                    0 => ask::domain(&format!("buyer{}.example", number % 2)),
                    _ => ask::someone(world::person(number)),
                };
                let keys = tokens(operator, &subject).await;
                if dice.one_in(3) {
                    let token = keys.into_iter().next().expect("a key");
                    let bytes = hex::decode(&token).expect("hexadecimal");
                    filter.about = Some(About::Token(bytes.into()));
                    wanted = Some([token].into());
                } else {
                    filter.about = Some(About::Subject(subject));
                    wanted = Some(keys);
                }
            }
        }
    }
    Question {
        filter,
        tokens: wanted,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_is_what_looking_through_the_log_finds() {
    let seed = 20_261_123;
    let mut dice = Dice::new(seed);
    let mut world = World::open().await;
    world.happen(&mut dice, 220).await;
    let operator = world.site.operator.clone();
    let so_far = operator.export().await.expect("an export").lines();
    let askers = [
        (operator.clone(), Who::Everything),
        (world.auditor.clone(), Who::Everything),
        (
            world.sender.clone(),
            Who::Own {
                id: SENDER,
                group: None,
            },
        ),
        (
            world.other.clone(),
            Who::Own {
                id: OTHER,
                group: None,
            },
        ),
        (
            world.recorder.clone(),
            Who::Own {
                id: RECORDER,
                group: None,
            },
        ),
        (
            world.approver.clone(),
            Who::Own {
                id: APPROVER,
                group: Some(GROUP),
            },
        ),
    ];
    let trust = world.site.verifier().trust();
    let mut answered = Vec::new();
    for at in 0..120 {
        let question = question(&mut dice, &operator, &so_far).await;
        let (client, who) = dice.pick(&askers);
        let order = dice.pick(&[pb::ListOrder::NewestFirst, pb::ListOrder::OldestFirst]);
        let page_size = u32::try_from(dice.pick(&[0, 1, 3, 17, 256])).expect("small");
        let (size, receipts) = pages(&client, &question.filter, order, page_size).await;
        if at % 10 == 0 {
            for receipt in &receipts {
                core_receipt(receipt)
                    .verify(&trust)
                    .expect("a receipt that holds");
            }
        }
        let mut seqs: Vec<u64> = receipts.iter().map(|receipt| receipt.seq).collect();
        if order == pb::ListOrder::NewestFirst {
            seqs.reverse();
        }
        answered.push((question, who, size, seqs));
    }
    let lines = operator.export().await.expect("an export").lines();
    let mut found = 0;
    for (question, who, size, seqs) in answered {
        let of = &lines[..usize::try_from(size).expect("small")];
        found += seqs.len();
        assert_eq!(
            seqs,
            answer(of, &question, who),
            "seed {seed}: {:?}",
            question.filter
        );
    }
    assert!(
        found > 1_000,
        "{found} entries in all lists: they asked for nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_meanwhile_neither_shifts_nor_repeats() {
    let mut dice = Dice::new(7);
    let mut world = World::open().await;
    world.happen(&mut dice, 60).await;
    let operator = world.site.operator.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let writer = tokio::spawn(async move {
        let mut stopped = stopped;
        let mut written = 0_u64;
        while stopped.try_recv().is_err() {
            world.happen(&mut dice, 1).await;
            written += 1;
        }
        (world, written)
    });
    let mut answered = Vec::new();
    for order in [pb::ListOrder::NewestFirst, pb::ListOrder::OldestFirst] {
        for filter in [
            pb::EntryFilter::default(),
            pb::EntryFilter {
                correlation_id: world::run(1),
                ..Default::default()
            },
            pb::EntryFilter {
                kinds: vec!["decision".into(), "execution".into()],
                ..Default::default()
            },
        ] {
            let before = operator.size().await;
            let (size, receipts) = pages(&operator, &filter, order, 3).await;
            answered.push((
                filter,
                order,
                size,
                receipts,
                operator.size().await - before,
            ));
        }
    }
    stop.send(()).expect("it still writes");
    let (world, written) = writer.await.expect("no panic");
    assert!(
        written > 0 && answered.iter().any(|(.., grown)| *grown > 0),
        "nothing was written meanwhile"
    );
    let lines = operator.export().await.expect("an export").lines();
    for (filter, order, size, receipts, _) in answered {
        let mut seqs: Vec<u64> = receipts.iter().map(|receipt| receipt.seq).collect();
        if order == pb::ListOrder::NewestFirst {
            seqs.reverse();
        }
        let question = Question {
            filter,
            tokens: None,
        };
        let of = &lines[..usize::try_from(size).expect("small")];
        assert_eq!(
            seqs,
            answer(of, &question, Who::Everything),
            "{:?}",
            question.filter
        );
    }
    drop(world);
}

#[tokio::test]
async fn a_page_token_goes_on_after_a_restart_and_with_its_own_list_alone() {
    let mut dice = Dice::new(3);
    let mut world = World::open().await;
    world.happen(&mut dice, 20).await;
    let first = pb::ListRequest {
        page_size: 5,
        ..Default::default()
    };
    let page = world
        .site
        .operator
        .list(first.clone())
        .await
        .expect("a page");
    let World { site, .. } = world;
    let site::Site { daemon, ledger, .. } = site;
    daemon.stop().await;
    let daemon = ledger.run().await;
    let operator = daemon.client(ledger.operator());
    let next = pb::ListRequest {
        page_token: page.next_page_token.clone(),
        ..first
    };
    let second = operator.list(next.clone()).await.expect("the next page");
    assert_eq!(second.size, page.size);
    let seqs: Vec<u64> = page
        .receipts
        .iter()
        .chain(&second.receipts)
        .map(|receipt| receipt.seq)
        .collect();
    assert_eq!(seqs, (page.size - 10..page.size).rev().collect::<Vec<_>>());

    // What a start writes by itself stands before that.
    let listing = ask::listing(ask::domain("quiet.example"));
    operator
        .add_dnc(ask::list("settled", vec![listing]))
        .await
        .expect("listed");
    let size = operator.size().await;
    let changed = |change: fn(&mut pb::ListRequest)| {
        let mut request = next.clone();
        change(&mut request);
        request
    };
    for (what, request, says) in [
        (
            "another order",
            changed(|request| request.order = pb::ListOrder::OldestFirst.into()),
            "another list",
        ),
        (
            "another filter",
            changed(|request| {
                request.filter = Some(pb::EntryFilter {
                    kinds: vec!["dnc".into()],
                    ..Default::default()
                });
            }),
            "another list",
        ),
        (
            "half of it",
            changed(|request| request.page_token.truncate(20)),
            "next_page_token",
        ),
        (
            "a larger log",
            changed(|request| request.page_token.replace_range(4..6, "7f")),
            "does not continue",
        ),
    ] {
        Refused::of(what, operator.list(request).await)
            .code(what, Code::InvalidArgument)
            .says(what, &["page_token", says]);
    }
    assert_eq!(operator.size().await, size, "bad input changes nothing");
    let credential = Credential::of("auditor.second");
    let auditor = ask::principal("second", "auditor.second", pb::Role::Auditor, &credential);
    operator.put_principal(auditor).await.expect("added");
    let desk = daemon.client(credential);
    let size = operator.size().await;
    Refused::of("another principal", desk.list(next).await)
        .code("another principal", Code::InvalidArgument)
        .says("another principal", &["page_token", "another list"]);
    assert_eq!(operator.size().await, size);
}

/// Whether a page token fits a person says as much about them as a page does: that somebody asks is on record
/// before the token is looked at.
#[tokio::test]
async fn a_page_about_somebody_is_on_record_before_its_token_is_looked_at() {
    let mut dice = Dice::new(5);
    let mut world = World::open().await;
    world.happen(&mut dice, 10).await;
    let operator = &world.site.operator;
    let somebody = |email: &str| pb::EntryFilter {
        about: Some(About::Subject(ask::someone(ask::person(email, "")))),
        ..Default::default()
    };
    let first = pb::ListRequest {
        page_size: 1,
        ..Default::default()
    };
    let page = operator.list(first.clone()).await.expect("a page");
    for token in [page.next_page_token.as_str(), "", "00", "next"] {
        let before = operator.size().await;
        let request = pb::ListRequest {
            filter: Some(somebody("nobody@elsewhere.example")),
            page_token: token.to_owned(),
            ..first.clone()
        };
        let answer = operator.list(request).await;
        if token.is_empty() {
            assert!(answer.expect("a page").receipts.is_empty());
        } else {
            Refused::of(token, answer)
                .code(token, Code::InvalidArgument)
                .says(token, &["page_token"]);
        }
        assert_eq!(operator.size().await, before + 1, "`{token}`");
        let receipt = operator.get_receipt(ask::receipt_of(before)).await;
        let receipt = receipt.expect("a receipt").receipt.expect("one");
        let entry = Line::parse(&receipt.entry);
        assert_eq!((entry.text("kind"), entry.text("call")), ("access", "List"));
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_names_its_field_and_repeats_no_address() {
    let site = site::Site::open().await;
    site.list(vec![ask::listing(ask::domain("quiet.example"))])
        .await;
    let filter = |change: fn(&mut pb::EntryFilter)| {
        let mut filter = pb::EntryFilter::default();
        change(&mut filter);
        filter
    };
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let mut nobody = filter(|_| {});
    nobody.until = time(5);
    nobody.from = time(5);
    for (field, filter) in [
        (
            "filter.kinds[1]",
            filter(|filter| filter.kinds = vec!["dnc".into(), "denial".into()]),
        ),
        (
            "filter.actors[0]",
            filter(|filter| filter.actors = vec!["ana@buyer.example".into()]),
        ),
        (
            "filter.actors",
            filter(|filter| filter.actors = vec!["a".into(); 17]),
        ),
        (
            "filter.actions[0]",
            filter(|filter| filter.actions = vec!["a\"b".into()]),
        ),
        (
            "filter.outcomes[0]",
            filter(|filter| filter.outcomes = vec![9]),
        ),
        (
            "filter.reasons[0]",
            filter(|filter| filter.reasons = vec!["ana@buyer.example".into()]),
        ),
        (
            "filter.findings[0]",
            filter(|filter| filter.findings = vec!["late".into()]),
        ),
        (
            "filter.classes[0]",
            filter(|filter| filter.classes = vec![0]),
        ),
        (
            "filter.channels[0]",
            filter(|filter| filter.channels = vec![0]),
        ),
        (
            "filter.correlation_id",
            filter(|filter| filter.correlation_id = "ana@buyer.example".into()),
        ),
        (
            "filter.token",
            filter(|filter| filter.about = Some(About::Token(vec![1; 31].into()))),
        ),
        (
            "filter.subject.person.email",
            filter(|filter| {
                filter.about = Some(About::Subject(ask::someone(ask::person("ana@", ""))));
            }),
        ),
        ("filter.until", nobody),
    ] {
        let before = site.operator.size().await;
        let list = pb::ListRequest {
            filter: Some(filter.clone()),
            ..Default::default()
        };
        let tail = pb::TailRequest {
            filter: Some(filter),
            ..Default::default()
        };
        let listed = site.operator.list(list).await.map(drop);
        let tailed = site.operator.tail(tail).await.map(drop);
        for outcome in [listed, tailed] {
            let text = outcome.as_ref().expect_err(field).message().to_owned();
            assert!(!text.contains("ana@"), "{field}: {text}");
            Refused::of(field, outcome)
                .code(field, Code::InvalidArgument)
                .says(field, &[field]);
        }
        assert_eq!(
            site.operator.size().await,
            before,
            "{field}: bad input changes nothing"
        );
    }
    let order = pb::ListRequest {
        order: 9,
        ..Default::default()
    };
    let page = pb::ListRequest {
        page_size: 257,
        ..Default::default()
    };
    for (field, request) in [("order", order), ("page_size", page)] {
        Refused::of(field, site.operator.list(request).await)
            .code(field, Code::InvalidArgument)
            .says(field, &[field]);
    }
}

#[tokio::test]
async fn looking_for_somebody_by_an_identifier_is_an_entry_and_by_a_token_is_none() {
    let mut dice = Dice::new(11);
    let mut world = World::open().await;
    world.happen(&mut dice, 20).await;
    let operator = &world.site.operator;
    let subject = ask::someone(world::person(1));
    let keys = tokens(operator, &subject).await;
    let named = pb::EntryFilter {
        about: Some(About::Subject(subject)),
        ..Default::default()
    };
    let by_token = pb::EntryFilter {
        about: Some(About::Token(
            hex::decode(keys.first().expect("a key"))
                .expect("hexadecimal")
                .into(),
        )),
        ..Default::default()
    };
    for (filter, entries) in [(named, 1), (by_token, 0)] {
        let before = operator.size().await;
        let list = pb::ListRequest {
            filter: Some(filter.clone()),
            ..Default::default()
        };
        world.sender.list(list).await.expect("a page");
        assert_eq!(operator.size().await - before, entries, "a list");
        let tail = pb::TailRequest {
            filter: Some(filter),
            ..Default::default()
        };
        let mut stream = world.sender.tail(tail).await.expect("a tail");
        stream.message().await.expect("a mark");
        assert_eq!(operator.size().await - before, 2 * entries, "a tail");
        for seq in before..before + 2 * entries {
            let receipt = operator
                .get_receipt(ask::receipt_of(seq))
                .await
                .expect("its receipt");
            let line = Line::parse(&receipt.receipt.expect("a receipt").entry);
            assert_eq!(line.text("kind"), "access");
            assert_eq!(
                line.text("call"),
                if seq == before { "List" } else { "Tail" }
            );
            assert_eq!(line.0["actor"]["id"], SENDER);
            let recorded = line.0["tokens"].as_array().expect("tokens").iter();
            let recorded: Vec<&str> = recorded
                .map(|key| key["token"].as_str().expect("a token"))
                .collect();
            assert!(
                recorded.iter().all(|token| keys.contains(*token)) && recorded.len() == keys.len()
            );
        }
    }
    let said = world.site.daemon.said();
    assert!(
        !said.contains("buyer1.example") && !said.contains("p1@"),
        "{said}"
    );
}
