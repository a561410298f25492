//! What people do about the gate, each command against what the model says of it.

use std::collections::BTreeMap;

use ledger_core::entry::{
    Actor, Approval, Body, BreakGlass, BreakGlassEvent, Breaker, BreakerEvent, BreakerScope, Cause,
    Change, Commitment, Decision, DetailName, Details, Dnc, DncOp, Import, KeyEntry, KeyEvent,
    Listing, ListingReason, Measure, Verdict,
};
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Role};
use ledger_core::time::Timestamp;

use super::super::ledger::{COMPLIANCE, OPERATOR, caused, dnc, grouped};
use super::super::model::{No, What};
use super::super::run::Run;
use super::super::step::{ACTIONS, ASKERS, GROUPS, PEOPLE, People, Who};
use super::promotion::{LEDGERS, key_of};

/// The role of one of [`PEOPLE`].
pub(super) fn role(by: usize) -> Role {
    match by {
        0 => Role::Operator,
        1 => Role::Compliance,
        _ => Role::Approver,
    }
}

fn reason() -> Details {
    let reason = Commitment {
        commitment: Hash([8; 32]),
        bytes: 3,
        redacted: None,
    };
    BTreeMap::from([(DetailName::Reason, reason)])
}

impl Run<'_> {
    pub(super) fn people(&mut self, act: People) {
        match act {
            People::Answer { pick, by, deny } => self.answer(pick, by, deny),
            People::AskApproved { pick, how } => self.ask_approved(pick, how),
            People::AnswerPolicy { by, deny } => self.answer_policy(by, deny),
            People::RequestGlass {
                by,
                agent,
                action,
                duration_s,
            } => self.request_glass(by, ASKERS[agent], action, duration_s),
            People::ConfirmGlass { pick, by } => self.confirm_glass(pick, by),
            People::CloseGlass { pick, by } => self.close_glass(pick, by),
            People::AskUnderGlass { pick } => self.ask_under_glass(pick),
            People::BeginImport(reason) => self.begin_import(reason),
            People::Import { pick, who, other } => self.import(pick, who, other),
            People::EndImport { pick } => self.end_import(pick),
            People::Key { pick, trust } => self.key(pick, trust),
            People::Groups { who, groups } => self.groups(PEOPLE[who], GROUPS[groups]),
            People::Reset => self.reset(),
        }
    }

    fn by(&self, call: Call, by: usize) -> Cause {
        caused(call, role(by), PEOPLE[by], &self.request_id())
    }

    /// Where `kind` happened, the latest first; or, for a large `pick`, some other place.
    pub(super) fn place(&self, pick: usize, large: usize, kind: fn(&What) -> bool) -> u64 {
        let found: Vec<u64> = self
            .model
            .events
            .iter()
            .rev()
            .filter(|event| kind(&event.what))
            .map(|event| event.seq)
            .collect();
        match found.len() {
            count if count > 0 && pick < large => found[pick % count],
            _ => [1, 9, 66_666][pick % 3],
        }
    }

    /// The requests for an approval, the latest first.
    fn asked(&self) -> Vec<u64> {
        let decided = self.model.events.iter().rev().map(|event| event.seq);
        decided
            .filter(|seq| self.model.asked(*seq).is_some())
            .collect()
    }

    fn answer(&mut self, pick: usize, by: usize, deny: bool) {
        let asked = self.asked();
        // Rather what nobody has answered.
        let open = asked
            .iter()
            .find(|seq| self.model.answer(**seq).is_none())
            .copied();
        let request = match (open, asked.len()) {
            (None, _) if pick < 14 => return,
            (Some(open), _) if pick < 14 => open,
            (_, count) if count > 0 && pick < 20 => asked[pick % count],
            _ => [2, 10, 55_555][pick % 3],
        };
        let verdict = if deny {
            Verdict::Denied
        } else {
            Verdict::Granted
        };
        let command = Body::Approval(Approval {
            cause: self.by(Call::AnswerApproval, by),
            decision: Some(request),
            policy: None,
            verdict,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: BTreeMap::new(),
        });
        if role(by) != Role::Approver {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let expected = self.model.may_answer(request, PEOPLE[by], self.now);
        let Some((seq, Body::Approval(answer))) = self.submit(command, expected) else {
            return;
        };
        let asked = self.model.asked(request).unwrap();
        assert_eq!(Some(&answer.group), asked.approvers.as_ref());
        let until = asked.approve_by.filter(|_| !deny);
        assert_eq!((answer.expires_at, answer.granted), (until, None));
        let by = PEOPLE[by].to_owned();
        let what = What::Answered {
            request,
            verdict,
            by,
        };
        self.note(seq, what);
        self.seen.count(format!("answered: {verdict:?}"));
    }

    /// Time is over: the ledger says so.
    pub(super) fn expire(&mut self, request: u64) {
        let command = Body::Approval(Approval {
            cause: Cause::ledger(),
            decision: Some(request),
            policy: None,
            verdict: Verdict::Expired,
            group: String::new(),
            expires_at: None,
            granted: None,
            details: BTreeMap::new(),
        });
        let (seq, body) = self.ledger.append(command.clone(), self.now);
        let Body::Approval(expiry) = body else {
            panic!("{body:?}")
        };
        let asked = self.model.asked(request).unwrap();
        assert_eq!(Some(&expiry.group), asked.approvers.as_ref());
        assert_eq!(
            expiry.cause.correlation_id,
            asked.request.cause.correlation_id
        );
        let granted = self.model.answer(request).map(|(_, seq, _)| seq);
        assert_eq!((expiry.expires_at, expiry.granted), (None, granted));
        self.note(seq, What::Expired { request });
        assert!(self.ledger.submit(command, self.now).is_err(), "twice");
        self.seen.count(if granted.is_some() {
            "expired unused"
        } else {
            "expired"
        });
    }

    /// Asks; where that takes an approval, somebody who may gives it, and it is asked again.
    pub(super) fn ask_through(&mut self, request: Decision) {
        self.decide(request);
        let latest = self.model.events.last().map(|event| event.seq);
        let Some(group) = latest
            .and_then(|seq| self.model.asked(seq))
            .and_then(|asked| asked.approvers.clone())
        else {
            return;
        };
        let may = |by: &usize| self.model.member(PEOPLE[*by], &group).is_ok();
        if let Some(by) = (2..PEOPLE.len()).find(may) {
            self.answer(0, by, false);
            self.ask_approved(0, 9);
        }
    }

    /// Asks again for what was approved; in part for something else, as somebody else, or relying on
    /// something else.
    fn ask_approved(&mut self, pick: usize, how: usize) {
        let asked = self.asked();
        let answered: Vec<u64> = asked
            .iter()
            .copied()
            .filter(|seq| self.model.answer(*seq).is_some())
            .collect();
        let request = match (answered.len(), asked.len()) {
            (count, _) if count > 0 && pick < 18 => answered[(pick / 4) % count],
            (_, count) if count > 0 => asked[pick % count],
            _ => return,
        };
        let original = self.model.asked(request).unwrap().request.clone();
        let mut agent = original.cause.actor.clone();
        let mut again = original.clone();
        let mut content = original.cause.content;
        again.approval = self.model.answer(request).map(|(_, seq, _)| seq);
        match how {
            0 => content = Some(Hash([0xcc; 32])),
            1 => content = None,
            2 => agent = Actor::principal(Role::Agent, ASKERS[usize::from(agent.id == ASKERS[0])]),
            3 => again.approval = Some(request),
            4 => again.approval = Some([0, 5, 44_444][pick % 3]),
            _ => {}
        }
        again.cause = Cause {
            actor: agent.clone(),
            content,
            ..self.asking(&agent.id)
        };
        again.approval = again.approval.or(Some(request));
        self.decide(again);
    }

    fn answer_policy(&mut self, by: usize, deny: bool) {
        let command = Body::Approval(Approval {
            cause: self.by(Call::AnswerApproval, by),
            decision: None,
            policy: Some(Hash([0x99; 32])),
            verdict: if deny {
                Verdict::Denied
            } else {
                Verdict::Granted
            },
            group: String::new(),
            expires_at: None,
            granted: None,
            details: BTreeMap::new(),
        });
        if role(by) != Role::Approver {
            assert!(self.ledger.submit(command, self.now).is_err());
            return;
        }
        let expected = if deny {
            Err(No::Field("verdict"))
        } else {
            self.model.member(PEOPLE[by], "revops")
        };
        if let Some((seq, Body::Approval(answer))) = self.submit(command, expected) {
            // Of a text that nobody knows.
            self.policy_approved(seq, &answer, PEOPLE[by], Vec::new());
            self.seen.count("a policy was approved");
        }
    }

    fn request_glass(&mut self, by: usize, agent: &str, action: Option<usize>, duration_s: i64) {
        let confirm_s = self
            .model
            .policy()
            .map_or(900, |(_, policy)| policy.confirm_s);
        let action = action.map(|pick| ACTIONS[pick].to_owned());
        let command = Body::BreakGlass(BreakGlass {
            cause: self.by(Call::RequestBreakGlass, by),
            event: BreakGlassEvent::Requested,
            request: None,
            requested_by: None,
            agent: agent.to_owned(),
            action: action.clone(),
            duration_s: u64::try_from(duration_s).unwrap(),
            until: None,
            details: reason(),
        });
        let expected = self
            .model
            .may_request_glass(agent, action.as_deref(), duration_s);
        let Some((seq, Body::BreakGlass(glass))) = self.submit(command, expected) else {
            return;
        };
        assert_eq!(glass.until, Some(self.in_s(confirm_s)));
        let what = What::GlassRequested {
            by: PEOPLE[by].to_owned(),
            agent: agent.to_owned(),
            action,
            duration_s,
            confirm_s,
        };
        self.note(seq, what);
    }

    fn glass_of(&self, pick: usize) -> u64 {
        self.place(pick / 2, 4, |what| {
            matches!(what, What::GlassRequested { .. })
        })
    }

    fn glass_entry(&self, call: Call, by: usize, request: u64) -> Body {
        Body::BreakGlass(BreakGlass {
            cause: self.by(call, by),
            event: if call == Call::ConfirmBreakGlass {
                BreakGlassEvent::Opened
            } else {
                BreakGlassEvent::Closed
            },
            request: Some(request),
            requested_by: None,
            agent: String::new(),
            action: None,
            duration_s: 0,
            until: None,
            details: Details::new(),
        })
    }

    fn confirm_glass(&mut self, pick: usize, by: usize) {
        let request = self.glass_of(pick);
        let command = self.glass_entry(Call::ConfirmBreakGlass, by, request);
        let expected = self.model.may_confirm(request, PEOPLE[by], self.now);
        let Some((seq, Body::BreakGlass(glass))) = self.submit(command, expected) else {
            return;
        };
        let of = self.model.glass_known(request, self.now).unwrap();
        assert_eq!((&glass.agent, &glass.action), (&of.agent, &of.action));
        assert_eq!(glass.until, Some(self.in_s(of.duration_s)));
        assert_eq!(glass.requested_by, Some(of.by));
        self.note(seq, What::GlassOpened { request });
        self.seen.count("break-glass opened");
    }

    fn close_glass(&mut self, pick: usize, by: usize) {
        let request = self.glass_of(pick);
        let command = self.glass_entry(Call::CloseBreakGlass, by, request);
        let of = self.model.glass_known(request, self.now);
        let expected = of.as_ref().map(|_| ()).map_err(|no| *no);
        let Some((seq, Body::BreakGlass(glass))) = self.submit(command, expected) else {
            return;
        };
        let of = of.unwrap();
        assert_eq!((&glass.agent, &glass.action), (&of.agent, &of.action));
        assert_eq!((glass.until, glass.requested_by), (None, None));
        self.note(seq, What::GlassClosed { request });
        self.seen.count("break-glass closed");
    }

    /// What is tier 3, by the agent for whom break-glass was requested, or by another.
    fn ask_under_glass(&mut self, pick: usize) {
        let glasses = self.model.glass();
        let (Some(glass), Some(asked)) = (glasses.last(), self.last_asked()) else {
            return;
        };
        let mut request = asked.clone();
        let agent = match pick {
            0 => ASKERS[1],
            _ => &glass.agent,
        };
        request.cause = self.asking(agent);
        request.action = match (&glass.action, pick) {
            (Some(action), 1..6) => action.clone(),
            _ => "system.change".to_owned(),
        };
        if request.targets.is_empty() {
            request.targets.push(super::super::scene::target("deal", 1));
        }
        request.recipients.clear();
        request.approval = None;
        request.undoes = None;
        request.agent = None;
        self.decide(request);
    }

    fn begin_import(&mut self, reason: ListingReason) {
        let Body::Dnc(mut begin) = dnc(DncOp::ImportBegin, Vec::new(), &self.request_id()) else {
            panic!("not a dnc entry")
        };
        let at = self.ledger.lines.len();
        let source = ["registry", "registry", "another"][at % 3];
        let changes = at.is_multiple_of(4);
        begin.imports = Some(Import {
            source: source.to_owned(),
            reason,
            sha256: Hash([0x11; 32]),
            rows: None,
            rejected: None,
            changes,
        });
        let (seq, _) = self.append(Body::Dnc(begin));
        let what = What::ImportBegun {
            reason,
            source,
            changes,
        };
        self.note(seq, what);
    }

    fn import_of(&self, pick: usize) -> u64 {
        self.place(pick / 2, 4, |what| matches!(what, What::ImportBegun { .. }))
    }

    fn import(&mut self, pick: usize, who: Who, other: bool) {
        let import = self.import_of(pick);
        let mut expected = self.model.under_way(import);
        let of = expected.map_or(ListingReason::NationalRegistry, |(reason, _)| reason);
        let listing = Listing {
            keys: who.0,
            seller: None,
            channels: ledger_core::action::Channels::none(),
            reason: Some(if other { ListingReason::HardBounce } else { of }),
            source: None,
            requested_at: None,
            effective_from: None,
            expires_at: None,
            evidence: None,
        };
        if other && expected.is_ok() {
            expected = Err(No::Field("listing.reason"));
        }
        let Body::Dnc(command) = dnc(DncOp::List, vec![listing.clone()], &self.request_id()) else {
            panic!("not a dnc entry")
        };
        let command = Dnc {
            import: Some(import),
            ..command
        };
        let expected = expected.map(|_| ());
        if let Some((seq, _)) = self.submit(Body::Dnc(command), expected) {
            self.note(seq, What::Listed { index: 0, listing });
            self.note(seq, What::Imported { import });
            self.seen.count("imported");
        }
    }

    fn end_import(&mut self, pick: usize) {
        let import = self.import_of(pick);
        let expected = self.model.under_way(import);
        let Body::Dnc(command) = dnc(DncOp::ImportEnd, Vec::new(), &self.request_id()) else {
            panic!("not a dnc entry")
        };
        let command = Dnc {
            import: Some(import),
            ..command
        };
        if let Some((seq, body)) = self.submit(Body::Dnc(command), expected.map(|_| ())) {
            let Body::Dnc(end) = body else {
                panic!("{body:?}")
            };
            assert_eq!(end.imported, Some(expected.unwrap().1));
            self.note(seq, What::ImportEnded { import });
            self.seen.count("import ended");
        }
    }

    pub(super) fn key(&mut self, pick: usize, trust: bool) {
        let (_, name) = LEDGERS[pick];
        let key = key_of(pick);
        let (event, call) = if trust {
            (KeyEvent::Trusted, Call::TrustKey)
        } else {
            (KeyEvent::Distrusted, Call::DistrustKey)
        };
        let expected = if pick == 3 {
            Err(No::Field("key"))
        } else {
            self.model.may_key(event, name, &key)
        };
        let command = Body::Key(KeyEntry {
            cause: caused(call, Role::Operator, OPERATOR, &self.request_id()),
            event,
            key: key.clone(),
        });
        if let Some((seq, _)) = self.submit(command, expected) {
            let trusted = trust.then_some(key);
            let known = self.ledger.state.trusted_key(name).unwrap();
            let record = known.map(|record| (record.seq, record.key));
            assert_eq!(record, trusted.clone().map(|key| (seq, key)));
            let name = name.to_owned();
            self.note(seq, What::Key { name, trusted });
            self.seen.count("key");
        }
    }

    pub(super) fn groups(&mut self, id: &str, groups: &[&str]) {
        let cause = caused(
            Call::PutPrincipal,
            Role::Operator,
            OPERATOR,
            &self.request_id(),
        );
        let (seq, body) = self.append(grouped(cause, id, Role::Approver, groups));
        let Body::Principal(change) = body else {
            panic!("{body:?}")
        };
        assert_eq!(change.change, Change::Changed);
        let what = What::Principal {
            id: id.to_owned(),
            role: Role::Approver,
            groups: change.groups,
            in_force: true,
        };
        self.note(seq, what);
    }

    fn ending(&self, event: BreakerEvent, opened: u64) -> Body {
        let cause = if event == BreakerEvent::Reset {
            caused(
                Call::ResetBreaker,
                Role::Compliance,
                COMPLIANCE,
                &self.request_id(),
            )
        } else {
            Cause::ledger()
        };
        Body::Breaker(Box::new(Breaker {
            cause,
            event,
            rule: String::new(),
            scope: BreakerScope::default(),
            measure: Measure::DncBreach,
            opened: Some(opened),
            threshold: None,
            count: None,
            sample: None,
            window_s: None,
            until: None,
            cites: Vec::new(),
            cites_total: None,
            details: Details::new(),
        }))
    }

    /// Somebody resets the breaker that has been open longest, and one that is none.
    fn reset(&mut self) {
        let none = self.ending(BreakerEvent::Reset, 3);
        self.submit(none, Err(No::Field("opened")));
        let open = self.model.breakers_open(Timestamp::EPOCH);
        if let Some((opened, ..)) = open.first() {
            let command = self.ending(BreakerEvent::Reset, *opened);
            let (seq, _) = self.append(command);
            self.note(seq, What::BreakerEnded { opened: *opened });
            self.seen.count("breaker reset");
        }
    }

    /// What is latched is what the log says; what is over by its time is closed, if `announce`.
    pub(super) fn breakers_are_those_of_the_log(&mut self, announce: bool) {
        let open = |state: &ledger_core::state::State<_>, now| {
            let mut open: Vec<u64> = state.breakers_open(now).map(|(seq, _)| seq).collect();
            open.sort_unstable();
            open
        };
        let seqs = |run: &Self, now| -> Vec<u64> {
            let open = run.model.breakers_open(now);
            open.into_iter().map(|(seq, ..)| seq).collect()
        };
        assert_eq!(open(&self.ledger.state, self.now), seqs(self, self.now));
        if !announce {
            return;
        }
        let now = seqs(self, self.now);
        let latched = seqs(self, Timestamp::EPOCH);
        for opened in latched.into_iter().filter(|seq| !now.contains(seq)) {
            let command = self.ending(BreakerEvent::Closed, opened);
            let seq = self.ledger.append(command, self.now).0;
            self.note(seq, What::BreakerEnded { opened });
            self.seen.count("breaker closed");
        }
    }
}
