//! The rows of a policy, as its text has them.

use ledger_core::entry::{Body, PolicyEntry, PolicyFile};
use ledger_core::hash::Hash;
use ledger_core::policy::{POLICY_FILE, policy_hash};

use crate::client::Session;
use crate::failure::Failure;
use crate::proof::{Verified, other_kind, same_option};
use crate::reading;

/// A policy out of the log: its entries proven, its text the one that its hash is of.
#[derive(Debug)]
pub(super) struct Published {
    /// The entry that published it.
    pub(super) first: Verified,
    /// The seqs of all its entries.
    pub(super) seqs: Vec<u64>,
    files: Vec<(String, String)>,
}

impl Published {
    /// Fetches the policy that was published at `seq`; nothing where the caller may not read it.
    pub(super) async fn fetch(
        session: &Session,
        seq: u64,
        sha256: Hash,
    ) -> Result<Option<Self>, Failure> {
        let Some(first) = reading::entry_if_readable(session, seq).await? else {
            return Ok(None);
        };
        let Body::Policy(policy) = &first.entry.body else {
            return Err(other_kind("policy", &first.entry));
        };
        same_option("policy hash", Some(sha256), policy.sha256)?;
        let mut files = Vec::new();
        join(&mut files, policy);
        let mut seqs = vec![seq];
        for part in 1..=policy.parts.unwrap_or_default() {
            let verified = reading::entry(session, seq + part).await?;
            match &verified.entry.body {
                Body::Policy(policy) if policy.continues == Some(seq) => join(&mut files, policy),
                _ => return Err(other_kind("policy", &verified.entry)),
            }
            seqs.push(seq + part);
        }
        let found = policy_hash(&files);
        if found != sha256 {
            let why = format!("its text has the hash `{found}`, and its entry says `{sha256}`");
            return Err(Failure::unverified("the policy", why));
        }
        Ok(Some(Self { first, seqs, files }))
    }

    /// The `[[grant]]` row of this id, as it is written.
    pub(super) fn row(&self, id: &str) -> Option<String> {
        let (_, text) = self.files.iter().find(|(path, _)| path == POLICY_FILE)?;
        row(text, id)
    }
}

/// A file that goes on in the next part stands in both.
fn join(files: &mut Vec<(String, String)>, part: &PolicyEntry) {
    for PolicyFile { path, text } in &part.files {
        match files.last_mut() {
            Some((last, before)) if last == path => before.push_str(text),
            _ => files.push((path.clone(), text.clone())),
        }
    }
}

/// The `[[grant]]` table with this id, up to the next table, without comments around it.
fn row(text: &str, id: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_table = |line: &&str| line.trim_start().starts_with('[');
    let mut at = 0;
    while at < lines.len() {
        let line = lines.get(at)?;
        let end = (at + 1..lines.len())
            .find(|next| lines.get(*next).is_some_and(is_table))
            .unwrap_or(lines.len());
        let block = lines.get(at..end)?;
        let header: String = line.split('#').next()?.split_whitespace().collect();
        if header == "[[grant]]" && block.iter().any(|line| names(line, id)) {
            let said =
                |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
            let block: Vec<&str> = block
                .iter()
                .filter(said)
                .map(|line| line.trim_end())
                .collect();
            return Some(block.join("\n"));
        }
        at = end;
    }
    None
}

/// Whether a line says `id = "…"`.
fn names(line: &str, id: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    let value = value.trim();
    let quoted = |quote: char| {
        let rest = value.strip_prefix(quote)?;
        rest.split(quote).next()
    };
    key.trim() == "id" && (quoted('"').or_else(|| quoted('\'')) == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
version = 1

[[action]]
name = \"crm.read\"

# Who reads.
[[grant]]      # the first
id = \"reads\"
agent = \"agent.a\"
objects = [
  \"contact\",   # people
]

# Who sends.
[[ grant ]]
id='sends'  # not `reads`
actions = [\"email.send\"]
[[throttle]]
id = \"reads-hour\"
";

    #[test]
    fn a_row_is_shown_as_it_is_written() {
        assert_eq!(
            row(TEXT, "reads").unwrap(),
            "[[grant]]      # the first\nid = \"reads\"\nagent = \"agent.a\"\nobjects = [\n  \"contact\",   # people\n]"
        );
        assert_eq!(
            row(TEXT, "sends").unwrap(),
            "[[ grant ]]\nid='sends'  # not `reads`\nactions = [\"email.send\"]"
        );
        for id in ["reads-hour", "read", "", "agent.a"] {
            assert_eq!(row(TEXT, id), None, "{id}");
        }
    }
}
