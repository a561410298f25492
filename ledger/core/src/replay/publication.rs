//! A policy with all its parts.

use crate::entry::{Body, Entry, PolicyEntry, PolicyFile};
use crate::limits::POLICY_PART_BYTES_MAX;
use crate::plan::request_part;
use crate::policy::POLICY_BYTES_MAX;

/// More parts than the largest policy can have: a part holds at least a sixth of its limit as text,
/// since no character takes more than six bytes in JSON.
const PARTS_MAX: usize = 6 * POLICY_BYTES_MAX.div_ceil(POLICY_PART_BYTES_MAX) + 1;

/// A publication whose parts are being gathered. What is a part is told by the request alone: of
/// several entries that one call causes, the first carries the request id.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    entries: Vec<(Entry, bool)>,
}

impl Publication {
    pub(super) fn new(first: Entry, in_order: bool) -> Self {
        Self {
            entries: vec![(first, in_order)],
        }
    }

    /// Whether `entry` is its next part.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        self.entries.len() < PARTS_MAX
            && matches!(&entry.body, Body::Policy(policy) if policy.cause.request_id.is_none())
    }

    pub(super) fn push(&mut self, part: Entry, in_order: bool) {
        self.entries.push((part, in_order));
    }

    /// Whether, by what its first entry says, parts are still to come.
    pub(super) fn waits(&self) -> bool {
        let announced = self.parts().next().and_then(|first| first.parts);
        announced.is_some_and(|parts| (self.entries.len() as u64) <= parts)
    }

    /// The command behind it: the request part of its first entry, with the whole text.
    pub(super) fn command(&self) -> Body {
        let files = join(self.parts());
        let Some((first, _)) = self.entries.first() else {
            unreachable!("a publication starts with its first entry");
        };
        match request_part(&first.body) {
            Body::Policy(policy) => Body::Policy(PolicyEntry { files, ..policy }),
            other => other,
        }
    }

    pub(super) fn into_entries(self) -> Vec<(Entry, bool)> {
        self.entries
    }

    fn parts(&self) -> impl Iterator<Item = &PolicyEntry> {
        self.entries
            .iter()
            .filter_map(|(entry, _)| match &entry.body {
                Body::Policy(policy) => Some(policy),
                _ => None,
            })
    }
}

/// The files of a policy out of its parts: a file that goes on in the next part stands in both.
pub(crate) fn join<'a>(parts: impl IntoIterator<Item = &'a PolicyEntry>) -> Vec<PolicyFile> {
    let mut files: Vec<PolicyFile> = Vec::new();
    for file in parts.into_iter().flat_map(|part| &part.files) {
        match files.last_mut() {
            Some(last) if last.path == file.path => last.text.push_str(&file.text),
            _ => files.push(file.clone()),
        }
    }
    files
}
