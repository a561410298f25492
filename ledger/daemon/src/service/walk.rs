//! Walks over a stretch of the log, forwards or backwards, that stop at what a filter asks for.
//!
//! Where a filter names a correlation id or a subject, the views know the entries. Everything else is a
//! scan: of each entry the sieve looks at the bytes, and only what passes is decoded.
//!
//! A walk never goes beyond the size of the latest [snapshot](crate::snapshot): the log may have more
//! already, but the views are sure to have all of that.

use std::collections::BTreeSet;
use std::ops::Range;

use ledger_core::entry::{Body, Entry};
use ledger_core::role::Role;
use ledger_core::select::{Sieve, kind_of};
use ledger_core::state::{concerning, correlated};
use ledger_core::time::Timestamp;

use super::list::LOOKED_AT_BYTES_MAX;
use super::{Ledger, unreadable};
use crate::auth::Caller;
use crate::intake::Selected;
use crate::status::CallError;

/// Entries of one stretch of a scan: those of a tile at most, whose hashes are read once.
const STRETCH: u64 = 256;
/// Rows of a view in one stretch. A stretch of so many seqs has no more, so halving ends there.
const ROWS_MAX: usize = 4_096;
/// So many rows of a view, which are keys alone, count as one entry that was read.
const ROWS_OF_AN_ENTRY: usize = 16;
/// Seqs of the first stretch of a view. It doubles where there is little, and halves where there is much.
const WIDTH_FIRST: u64 = 1 << 16;

/// Which end of a stretch comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Newest,
    Oldest,
}

/// What to look for, for whom.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    pub(super) selected: Selected,
    /// Who may see only what is their own.
    pub(super) own: Option<Caller>,
    sieve: Sieve,
}

impl Sought {
    pub(super) fn new(selected: Selected, own: Option<Caller>) -> Self {
        let sieve = selected.selection.sieve();
        Self {
            selected,
            own,
            sieve,
        }
    }

    fn is_indexed(&self) -> bool {
        self.selected.selection.correlation_id.is_some() || !self.selected.about.is_empty()
    }
}

/// A walk: what it has not yet looked at.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub(super) left: Range<u64>,
    order: Order,
    width: u64,
}

/// What one step of a walk came to.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// The entries found, in the order of the walk.
    pub(super) found: Vec<u64>,
    /// How many entries were read for it, and their bytes.
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Walk {
    pub(super) const fn new(left: Range<u64>, order: Order) -> Self {
        Self {
            left,
            order,
            width: WIDTH_FIRST,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// The next `width` seqs; of a scan, within one tile.
    fn stretch(&self, width: u64) -> Range<u64> {
        let Range { start, end } = self.left;
        match self.order {
            Order::Oldest => start..end.min(start.saturating_add(width)),
            Order::Newest => start.max(end.saturating_sub(width))..end,
        }
    }

    fn tile(&self) -> Range<u64> {
        let Range { start, end } = self.left;
        match self.order {
            Order::Oldest => start..end.min((start / STRETCH + 1) * STRETCH),
            Order::Newest => start.max(end.saturating_sub(1) / STRETCH * STRETCH)..end,
        }
    }

    /// Everything up to `seq`, it included, was looked at.
    const fn passed(&mut self, seq: u64) {
        match self.order {
            Order::Oldest => self.left.start = seq + 1,
            Order::Newest => self.left.end = seq,
        }
    }

    /// All of `stretch` was looked at.
    const fn passed_all(&mut self, stretch: &Range<u64>) {
        match self.order {
            Order::Oldest => self.left.start = stretch.end,
            Order::Newest => self.left.end = stretch.start,
        }
    }

    fn arranged(&self, mut seqs: Vec<u64>) -> Vec<u64> {
        if self.order == Order::Newest {
            seqs.reverse();
        }
        seqs
    }
}

impl Ledger {
    /// The first seq below `size` whose entry is not before `time`; `size` where there is none. Time in
    /// entries never runs backwards, so halving finds it.
    pub(super) fn first_at(&self, time: Timestamp, size: u64) -> Result<u64, CallError> {
        let mut left = 0..size;
        while !left.is_empty() {
            let middle = left.start + (left.end - left.start) / 2;
            if self.entry(middle)?.time < time {
                left.start = middle + 1;
            } else {
                left.end = middle;
            }
        }
        Ok(left.start)
    }

    /// The part of the first `size` entries that the times of a filter leave.
    pub(super) fn within_times(
        &self,
        selected: &Selected,
        size: u64,
    ) -> Result<Range<u64>, CallError> {
        let bound = |time: Option<Timestamp>, without: u64| {
            time.map_or(Ok(without), |time| self.first_at(time, size))
        };
        let start = bound(selected.selection.from, 0)?;
        let end = bound(selected.selection.until, size)?;
        Ok(start..end.max(start))
    }

    /// Goes on by one stretch, or until `room` entries are found.
    pub(super) fn step(
        &self,
        walk: &mut Walk,
        sought: &Sought,
        room: usize,
    ) -> Result<Step, CallError> {
        if sought.is_indexed() {
            self.step_by_views(walk, sought, room)
        } else {
            self.step_by_scan(walk, sought, room)
        }
    }

    fn step_by_views(
        &self,
        walk: &mut Walk,
        sought: &Sought,
        room: usize,
    ) -> Result<Step, CallError> {
        let mut stretch = walk.stretch(walk.width);
        let mut visited = 0;
        let rows = loop {
            match self.rows(sought, &stretch, &mut visited)? {
                Some(rows) => break rows,
                None => walk.width = (walk.width / 2).max(ROWS_MAX as u64),
            }
            stretch = walk.stretch(walk.width);
        };
        if rows.len() < ROWS_MAX / 4 {
            walk.width = walk.width.saturating_mul(2);
        }
        let mut step = Step {
            entries: visited / ROWS_OF_AN_ENTRY,
            ..Step::default()
        };
        for seq in walk.arranged(rows.into_iter().collect()) {
            if step.found.len() == room || step.bytes >= LOOKED_AT_BYTES_MAX {
                return Ok(step);
            }
            let line = self.store.entry(seq).map_err(|error| unreadable(&error))?;
            self.look_at(&mut step, sought, seq, &line)?;
            walk.passed(seq);
        }
        walk.passed_all(&stretch);
        Ok(step)
    }

    /// The seqs of a stretch that the views have for the correlation id and for any of the tokens; none
    /// where they are too many for one look.
    fn rows(
        &self,
        sought: &Sought,
        stretch: &Range<u64>,
        visited: &mut usize,
    ) -> Result<Option<BTreeSet<u64>>, CallError> {
        let mut within = |seqs: Vec<u64>| {
            *visited += seqs.len();
            let complete =
                seqs.len() <= ROWS_MAX || seqs.last().is_some_and(|last| *last >= stretch.end);
            complete.then(|| {
                seqs.into_iter()
                    .filter(|seq| *seq < stretch.end)
                    .collect::<BTreeSet<u64>>()
            })
        };
        let failed = |error| CallError::store(&error);
        let Selected {
            selection, about, ..
        } = &sought.selected;
        let run = match &selection.correlation_id {
            None => None,
            Some(id) => {
                let seqs = correlated(&*self.views, id, stretch.start, ROWS_MAX + 1);
                match within(seqs.map_err(failed)?) {
                    None => return Ok(None),
                    run => run,
                }
            }
        };
        if about.is_empty() {
            return Ok(run);
        }
        let mut rows = BTreeSet::new();
        for token in about {
            let seqs = concerning(&*self.views, token, stretch.start, ROWS_MAX + 1);
            match within(seqs.map_err(failed)?) {
                None => return Ok(None),
                Some(seqs) => rows.extend(seqs),
            }
        }
        if let Some(run) = run {
            rows.retain(|seq| run.contains(seq));
        }
        Ok(Some(rows))
    }

    fn step_by_scan(
        &self,
        walk: &mut Walk,
        sought: &Sought,
        room: usize,
    ) -> Result<Step, CallError> {
        let stretch = walk.tile();
        let mut step = Step::default();
        if walk.order == Order::Oldest {
            for entry in self.store.entries(stretch.clone(), self.store.committed()) {
                if step.found.len() == room {
                    return Ok(step);
                }
                let entry = entry.map_err(|error| unreadable(&error))?;
                self.look_at(&mut step, sought, entry.seq, &entry.bytes)?;
                walk.passed(entry.seq);
            }
            walk.passed_all(&stretch);
            return Ok(step);
        }
        // Read forwards, as they are stored; what is found beyond the room is left for the next time.
        for entry in self.store.entries(stretch.clone(), self.store.committed()) {
            let entry = entry.map_err(|error| unreadable(&error))?;
            self.look_at(&mut step, sought, entry.seq, &entry.bytes)?;
        }
        step.found = walk.arranged(std::mem::take(&mut step.found));
        if step.found.len() > room {
            step.found.truncate(room);
            if let Some(last) = step.found.last() {
                walk.passed(*last);
            }
        } else {
            walk.passed_all(&stretch);
        }
        Ok(step)
    }

    fn look_at(
        &self,
        step: &mut Step,
        sought: &Sought,
        seq: u64,
        line: &[u8],
    ) -> Result<(), CallError> {
        step.entries += 1;
        step.bytes += line.len();
        let own = sought.own.as_ref();
        if !sought.sieve.lets_through(line) || own.is_some_and(|caller| !may_be_own(caller, line)) {
            return Ok(());
        }
        let entry = Entry::decode(line)
            .map_err(|error| CallError::store(&format!("entry {seq}: {error}")))?;
        if !sought.selected.selection.matches(&entry) {
            return Ok(());
        }
        if let Some(caller) = own {
            // A report may need the decision that it is about.
            step.entries += usize::from(!matches!(entry.body, Body::Decision(_)));
            if !self.is_own(caller, &entry)? {
                return Ok(());
            }
        }
        step.found.push(seq);
        Ok(())
    }
}

/// Whether an entry of these bytes may be the caller's own: a sieve before [`Ledger::is_own`].
fn may_be_own(caller: &Caller, line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return true;
    };
    let about_a_decision = matches!(
        kind_of(line),
        Some("execution" | "outcome" | "unresolved" | "approval")
    );
    about_a_decision
        || line.contains(&format!("\"id\":\"{}\"", caller.id))
        || (caller.role == Role::Approver && line.contains("\"outcome\":\"require_approval\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_stay_within_what_is_left_and_scans_within_a_tile() {
        let mut walk = Walk::new(10..600, Order::Newest);
        assert_eq!(walk.tile(), 512..600);
        assert_eq!(walk.stretch(1_000), 10..600);
        walk.passed_all(&(512..600));
        assert_eq!((walk.tile(), walk.left.clone()), (256..512, 10..512));
        walk.passed(300);
        assert_eq!(walk.tile(), 256..300);
        walk.passed_all(&(256..300));
        assert_eq!((walk.tile(), walk.is_over()), (10..256, false));
        walk.passed_all(&(10..256));
        assert!(walk.is_over());

        let mut walk = Walk::new(10..600, Order::Oldest);
        assert_eq!((walk.tile(), walk.stretch(5)), (10..256, 10..15));
        walk.passed(255);
        assert_eq!((walk.tile(), walk.left.clone()), (256..512, 256..600));
        walk.passed_all(&(256..600));
        assert!(walk.is_over());
    }

    #[test]
    fn what_is_anybodys_own_passes_the_sieve() {
        let line = |kind: &str, id: &str| {
            format!(
                r#"{{"v":1,"seq":1,"time":"2026-11-22T11:31:05.123456Z","kind":"{kind}","actor":{{"type":"agent","id":"{id}"}},"outcome":"require_approval"}}"#
            )
        };
        let agent = Caller::test("agent.a", Role::Agent);
        assert!(may_be_own(&agent, line("decision", "agent.a").as_bytes()));
        assert!(!may_be_own(&agent, line("decision", "agent.ab").as_bytes()));
        for kind in ["execution", "outcome", "unresolved", "approval"] {
            assert!(
                may_be_own(&agent, line(kind, "ledger").as_bytes()),
                "{kind}"
            );
        }
        let approver = Caller::test("approver.a", Role::Approver);
        assert!(may_be_own(
            &approver,
            line("decision", "agent.b").as_bytes()
        ));
    }
}
