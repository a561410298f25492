use std::collections::{BTreeMap, BTreeSet};

use crate::note::withheld;
use crate::note::{KeyKind, VerificationKey, VkeyError};
use crate::syntax::shown;
use crate::trust::{Group, Member, Quorum, Trust};

/// Most bytes in a policy file.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// Most lines in a policy file, comments included; so also most logs, witnesses and groups.
pub const POLICY_LINES_MAX: usize = 4096;

/// A file that is not a usable trust policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PolicyError {
    /// The line, from 1; after the last one for what the file as a whole lacks.
    pub line: usize,
    /// What is wrong with it.
    pub problem: PolicyProblem,
}

/// What can be wrong with a line of a policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// A control character other than tab and newline. Lines end in LF alone.
    #[error("expected no control character but tab and newline, found `0x{byte:02x}`")]
    Control {
        /// The character.
        byte: u8,
    },
    /// The file ends within a line.
    #[error("expected the line to end in a newline, found the end of the file")]
    Unterminated,
    /// More bytes or lines than a policy may have.
    #[error("too many {field}, expected at most {max}")]
    TooMany {
        /// What is counted.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// A line that defines nothing known.
    #[error("expected `log`, `witness`, `group` or `quorum`, found {found}")]
    Keyword {
        /// The line's first word; of a long one only how long it is, because it may be a secret.
        found: String,
    },
    /// A line with too few or too many words.
    #[error("expected `{form}`, found {found} words")]
    Form {
        /// The line's form.
        form: &'static str,
        /// How many words it has.
        found: usize,
    },
    /// Not a verification key.
    #[error("verification key: {0}")]
    Vkey(#[from] VkeyError),
    /// A key of the other kind.
    #[error("expected a vkey of signature type {expected}, found `{found}`")]
    KeyKind {
        /// The type that fits, and whose it is.
        expected: &'static str,
        /// The key, as a vkey.
        found: String,
    },
    /// The same public key twice, be it under another name.
    #[error("this {field}'s public key is on line {first} already, expected each once")]
    DuplicateKey {
        /// `log` or `witness`.
        field: &'static str,
        /// Where the key was first.
        first: usize,
    },
    /// A name that is defined already, or predefined.
    #[error("the name `{name}` is defined already, expected another one")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A name that no line before defines.
    #[error("the name `{name}` is not defined on a line before this one")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A name that is a member of a group already.
    #[error("`{name}` is a member of a group already, expected each name to be one at most once")]
    MemberTwice {
        /// The name.
        name: String,
    },
    /// A group that nothing or everything would satisfy.
    #[error(
        "expected `all`, `any` or a number from 1 to {members} as the group's threshold, found `{found}`"
    )]
    Threshold {
        /// How many members the group has.
        members: usize,
        /// What is there.
        found: String,
    },
    /// A second quorum.
    #[error("a second quorum, expected the one on line {first} alone")]
    QuorumTwice {
        /// Where the first one is.
        first: usize,
    },
    /// No quorum.
    #[error("expected a quorum line: `quorum <name>`, or `quorum none` to ask for no witness")]
    NoQuorum,
    /// No log.
    #[error("expected at least one log line: `log <vkey>`")]
    NoLog,
}

impl PolicyProblem {
    const fn at(self, line: usize) -> PolicyError {
        PolicyError {
            line,
            problem: self,
        }
    }
}

/// Reads a policy file.
pub(super) fn parse(bytes: &[u8]) -> Result<Trust, PolicyError> {
    if bytes.len() > POLICY_BYTES_MAX {
        let max = POLICY_BYTES_MAX;
        return Err(PolicyProblem::TooMany {
            field: "bytes",
            max,
        }
        .at(1));
    }
    let mut reading = Reading::default();
    let mut line = 0;
    for text in bytes.split_inclusive(|&byte| byte == b'\n') {
        line += 1;
        let text = text
            .strip_suffix(b"\n")
            .ok_or(PolicyProblem::Unterminated.at(line))?;
        if line > POLICY_LINES_MAX {
            return Err(PolicyProblem::TooMany {
                field: "lines",
                max: POLICY_LINES_MAX,
            }
            .at(line));
        }
        if let Some(&byte) = text
            .iter()
            .find(|&&byte| (byte < 0x20 && byte != b'\t') || byte == 0x7F)
        {
            return Err(PolicyProblem::Control { byte }.at(line));
        }
        reading
            .line(line, text)
            .map_err(|problem| problem.at(line))?;
    }
    reading.finish().map_err(|problem| problem.at(line + 1))
}

/// A policy read so far. Names are octets, as the specification wants; they become text for messages only.
#[derive(Default)]
struct Reading<'a> {
    logs: Vec<(usize, VerificationKey)>,
    witnesses: Vec<(usize, VerificationKey, String)>,
    groups: Vec<Group>,
    names: BTreeMap<&'a [u8], Member>,
    members: BTreeSet<&'a [u8]>,
    quorum: Option<(usize, Quorum)>,
}

impl<'a> Reading<'a> {
    fn line(&mut self, line: usize, text: &'a [u8]) -> Result<(), PolicyProblem> {
        let words: Vec<&[u8]> = text
            .split(|byte| b" \t".contains(byte))
            .filter(|word| !word.is_empty())
            .collect();
        let [keyword, words @ ..] = words.as_slice() else {
            return Ok(());
        };
        let found = words.len() + 1;
        match (*keyword, words) {
            (comment, _) if comment.starts_with(b"#") => Ok(()),
            (b"log", [vkey] | [vkey, _]) => self.log(line, vkey),
            (b"log", _) => Err(PolicyProblem::Form {
                form: "log <vkey> [<url>]",
                found,
            }),
            (b"witness", [name, vkey] | [name, vkey, _]) => self.witness(line, name, vkey),
            (b"witness", _) => Err(PolicyProblem::Form {
                form: "witness <name> <vkey> [<url>]",
                found,
            }),
            (b"group", [name, threshold, members @ ..]) if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            (b"group", _) => Err(PolicyProblem::Form {
                form: "group <name> <k|any|all> <name>...",
                found,
            }),
            (b"quorum", [name]) => self.quorum(line, name),
            (b"quorum", _) => Err(PolicyProblem::Form {
                form: "quorum <name>",
                found,
            }),
            _ => Err(PolicyProblem::Keyword {
                // No longer than a mistyped keyword: the rest of a wrong file may be a secret.
                found: match keyword.len() {
                    0..=16 => format!("`{}`", text_of(keyword)),
                    _ => withheld(&String::from_utf8_lossy(keyword)),
                },
            }),
        }
    }

    fn log(&mut self, line: usize, vkey: &[u8]) -> Result<(), PolicyProblem> {
        let key = read_key(vkey, KeyKind::Ed25519, "0x01, a log's")?;
        let same = self
            .logs
            .iter()
            .find(|(_, log)| log.public_key() == key.public_key());
        if let Some(&(first, _)) = same {
            return Err(PolicyProblem::DuplicateKey {
                field: "log",
                first,
            });
        }
        self.logs.push((line, key));
        Ok(())
    }

    fn witness(&mut self, line: usize, name: &'a [u8], vkey: &[u8]) -> Result<(), PolicyProblem> {
        let key = read_key(vkey, KeyKind::CosignatureV1, "0x04, a witness's")?;
        let same = self
            .witnesses
            .iter()
            .find(|(_, other, _)| other.public_key() == key.public_key());
        if let Some(&(first, ..)) = same {
            return Err(PolicyProblem::DuplicateKey {
                field: "witness",
                first,
            });
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push((line, key, text_of(name)));
        Ok(())
    }

    fn group(
        &mut self,
        name: &'a [u8],
        threshold: &[u8],
        members: &[&'a [u8]],
    ) -> Result<(), PolicyProblem> {
        let number = std::str::from_utf8(threshold)
            .ok()
            .filter(|text| !text.starts_with(['+', '0']));
        let threshold = match threshold {
            b"any" => Some(1),
            b"all" => Some(members.len()),
            _ => number
                .and_then(|text| text.parse().ok())
                .filter(|k| (1..=members.len()).contains(k)),
        }
        .ok_or_else(|| PolicyProblem::Threshold {
            members: members.len(),
            found: text_of(threshold),
        })?;
        let mut group = Group {
            name: text_of(name),
            threshold,
            members: Vec::new(),
        };
        for &member in members {
            group.members.push(self.defined(member)?);
            if !self.members.insert(member) {
                return Err(PolicyProblem::MemberTwice {
                    name: text_of(member),
                });
            }
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(group);
        Ok(())
    }

    fn quorum(&mut self, line: usize, name: &[u8]) -> Result<(), PolicyProblem> {
        if let Some((first, _)) = self.quorum {
            return Err(PolicyProblem::QuorumTwice { first });
        }
        let quorum = if name == b"none" {
            Quorum::None
        } else {
            Quorum::Of(self.defined(name)?)
        };
        self.quorum = Some((line, quorum));
        Ok(())
    }

    fn define(&mut self, name: &'a [u8], member: Member) -> Result<(), PolicyProblem> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyProblem::DuplicateName {
                name: text_of(name),
            });
        }
        self.names.insert(name, member);
        Ok(())
    }

    fn defined(&self, name: &[u8]) -> Result<Member, PolicyProblem> {
        let member = self.names.get(name).copied();
        member.ok_or_else(|| PolicyProblem::UnknownName {
            name: text_of(name),
        })
    }

    fn finish(self) -> Result<Trust, PolicyProblem> {
        let (_, quorum) = self.quorum.ok_or(PolicyProblem::NoQuorum)?;
        if self.logs.is_empty() {
            return Err(PolicyProblem::NoLog);
        }
        let logs = self.logs.len();
        let mut keys: Vec<_> = self.logs.into_iter().map(|(_, key)| key).collect();
        let mut witnesses = Vec::with_capacity(self.witnesses.len());
        for (_, key, name) in self.witnesses {
            keys.push(key);
            witnesses.push(name);
        }
        Ok(Trust {
            keys,
            logs,
            witnesses,
            groups: self.groups,
            quorum,
        })
    }
}

fn read_key(
    vkey: &[u8],
    kind: KeyKind,
    expected: &'static str,
) -> Result<VerificationKey, PolicyProblem> {
    let text = std::str::from_utf8(vkey).map_err(|_| VkeyError::Parts {
        found: text_of(vkey),
    })?;
    let key: VerificationKey = text.parse()?;
    if key.kind() == kind {
        Ok(key)
    } else {
        Err(PolicyProblem::KeyKind {
            expected,
            found: key.to_string(),
        })
    }
}

fn text_of(name: &[u8]) -> String {
    shown(&String::from_utf8_lossy(name))
}
