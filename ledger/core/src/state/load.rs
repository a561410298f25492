//! Bringing back what the state holds in memory from the view that the same fold wrote.

use std::collections::{BTreeMap, BTreeSet};

use super::approvals::Approvals;
use super::breakers::Breakers;
use super::fold::PolicyFact;
use super::tally::Tallied;
use super::{ClockFacts, Head, State, by_seq, count_allows, count_samples, first_seq, read, rows};
use crate::entry::{Genesis, Scope};
use crate::meter::Meters;
use crate::policy::Numbers;
use crate::record::{OpenAllow, PrincipalRecord};
use crate::time::Timestamp;
use crate::view::{Table, View, ViewError};
use crate::window::Windows;

impl<V: View> State<V> {
    /// The state that `view` holds; of an empty view, the state of an empty log.
    ///
    /// # Errors
    /// [`ViewError`] where the view cannot be read or holds what this fold did not write.
    pub fn load(view: V) -> Result<Self, ViewError> {
        let head = read(&view, Table::Fact, Fact::HEAD)?.unwrap_or(Head {
            next: 0,
            time: Timestamp::EPOCH,
            shut_down: false,
        });
        let genesis: Option<Genesis> = read(&view, Table::Fact, Fact::GENESIS)?;
        let clock: ClockFacts = read(&view, Table::Fact, Fact::CLOCK)?.unwrap_or_default();
        let policy = match read::<_, PolicyFact>(&view, Table::Fact, Fact::POLICY)? {
            Some(fact) => Some(fact.into_force().map_err(|error| ViewError {
                table: Table::Fact,
                why: error.to_string(),
            })?),
            None => None,
        };
        let principals: BTreeMap<String, PrincipalRecord> = rows(&view, Table::Principal)?
            .into_iter()
            .map(|(key, record)| (String::from_utf8_lossy(&key).into_owned(), record))
            .collect();
        let stops: BTreeMap<u64, Scope> = by_seq(rows(&view, Table::Stop)?);
        let open: BTreeMap<u64, OpenAllow> = by_seq(rows(&view, Table::Open)?);
        let due: BTreeSet<_> = open
            .iter()
            .map(|(seq, allow)| (allow.report_by, *seq))
            .collect();
        let mut windows = policy.as_ref().map_or_else(Windows::default, |policy| {
            Windows::new(policy.text.throttles())
        });
        count_allows(&view, 0, &mut windows)?;
        let breakers = Breakers::load(&view)?;
        let mut meters = policy.as_ref().map_or_else(Meters::default, |policy| {
            Meters::new(policy.text.breakers())
        });
        count_samples(&view, 0, &mut meters)?;
        breakers.forget(&mut meters);
        Ok(Self {
            approvals: Approvals::load(&view)?,
            breakers,
            oldest_allow: first_seq(&view, Table::Allow, 0)?,
            oldest_sample: first_seq(&view, Table::Sample, 0)?,
            tallied: Tallied::load(&view)?,
            view,
            head,
            genesis,
            principals,
            policy: policy.map(std::sync::Arc::new),
            defaults: Numbers::default(),
            stops,
            clock,
            open_voided: open.values().filter(|allow| allow.voided).count(),
            open,
            due,
            windows,
            meters,
        })
    }
}

/// The names of the single facts.
pub(super) struct Fact;

impl Fact {
    pub(super) const HEAD: &'static [u8] = b"head";
    pub(super) const GENESIS: &'static [u8] = b"genesis";
    pub(super) const CLOCK: &'static [u8] = b"clock";
    pub(super) const POLICY: &'static [u8] = b"policy";
    /// How many there are of what is not as it should be.
    pub(super) const TALLY: &'static [u8] = b"tally";
    pub(super) const LAST_STOP: &'static [u8] = b"last_stop";
    /// A publication of which continuations are still to come.
    pub(super) const PENDING: &'static [u8] = b"policy.pending";
}
