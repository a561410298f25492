//! What kinds of act there are, and by which channels they reach people.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::token::Kind;

/// What kind of act an action is. The policy assigns it; a request never chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Looks at something.
    Read,
    /// Changes data.
    Write,
    /// Reaches a person. The default: what nobody classified is treated as contact.
    Contact,
    /// Changes the system itself.
    Admin,
}

impl Class {
    /// Every class, in the documented order.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Contact, Self::Admin];

    /// The word in entries and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Contact => "contact",
            Self::Admin => "admin",
        }
    }

    /// Whether it changes data: write and admin.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Write | Self::Admin)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|class| class.as_str() == text);
        found
            .ok_or_else(|| UnknownWord::new("class", text, "`read`, `write`, `contact` or `admin`"))
    }
}

/// A way of reaching a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Channel {
    /// An e-mail.
    Email = 1,
    /// A telephone call.
    Call = 2,
    /// A text message.
    Sms = 4,
    /// A meeting in somebody's calendar.
    Meeting = 8,
}

impl Channel {
    /// Every channel, in the documented order.
    pub const ALL: [Self; 4] = [Self::Email, Self::Call, Self::Sms, Self::Meeting];

    /// The word in entries and policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Call => "call",
            Self::Sms => "sms",
            Self::Meeting => "meeting",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == text);
        found
            .ok_or_else(|| UnknownWord::new("channel", text, "`email`, `call`, `sms` or `meeting`"))
    }
}

/// A set of channels.
///
/// Encoded as a list of words in the fixed order `email`, `call`, `sms`, `meeting`; a list in another
/// order or with a repetition does not decode, so that one set has one encoding. What an empty set
/// means (none, or any) is said by the field that holds it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channels(u8);

impl Channels {
    /// No channel.
    pub const fn none() -> Self {
        Self(0)
    }

    /// Every channel.
    pub const fn all() -> Self {
        Self::of(&Channel::ALL)
    }

    /// The channels named.
    pub const fn of(channels: &[Channel]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < channels.len() {
            bits |= channels[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// Whether it holds no channel.
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether it holds `channel`.
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & channel as u8 != 0
    }

    /// Whether it holds every channel of `other`.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the two share a channel.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The channels that both hold.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The channels of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its channels in the fixed order.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL
            .into_iter()
            .filter(move |channel| self.contains(*channel))
    }
}

impl FromIterator<Channel> for Channels {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Self {
        channels
            .into_iter()
            .fold(Self::none(), |set, channel| set.union(Self::of(&[channel])))
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, channel) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{channel}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Channels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.iter().count()))?;
        for channel in self.iter() {
            list.serialize_element(&channel)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Channels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<Channel>::deserialize(deserializer)?;
        if !list.is_sorted_by(|a, b| a < b) {
            return Err(D::Error::custom(
                "channels are repeated or out of order: expected each once, in the order email, call, sms, meeting",
            ));
        }
        Ok(list.into_iter().collect())
    }
}

/// What an action is: fixed by the gate for the [built-in ones](ActionRule::builtin), declared by the
/// policy for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRule {
    /// What kind of act it is.
    pub class: Class,
    /// The channels by which it reaches people; none where it is no contact.
    pub channels: Channels,
    /// The kinds of key that every recipient must carry: of email, phone, contact and account, each
    /// at most once, in that order.
    pub requires: Vec<Kind>,
    /// The risk tier, 0 to 3, before fields and rows raise it.
    pub tier: u8,
    /// When recipients may be reached, by the time of day where they are: from the first minute of
    /// the day to before the second. Absent: at any time.
    pub hours: Option<(u16, u16)>,
    /// How old the last import of the national registry may be, in seconds. Absent: any age, or none.
    pub registry_max_age_s: Option<u64>,
    /// Whether it makes the objects that a request names without an id: of those nothing is there yet
    /// that could be changed. Never of an action that changes nothing.
    pub creates: bool,
    /// The sources of such imports that count; any, where it is empty.
    pub registry_sources: BTreeSet<String>,
}

impl ActionRule {
    /// The names of the actions that the gate itself knows to be contact.
    pub const BUILTIN: [&str; 5] = [
        "call.queue",
        "email.send",
        "meeting.book",
        "sequence.enroll",
        "sms.send",
    ];

    /// The rule of a built-in action. A policy may add to its channels and to what it requires; it
    /// never changes its class.
    pub fn builtin(name: &str) -> Option<Self> {
        let channels = match name {
            "call.queue" => Channels::of(&[Channel::Call]),
            "email.send" => Channels::of(&[Channel::Email]),
            "meeting.book" => Channels::of(&[Channel::Email, Channel::Meeting]),
            "sequence.enroll" => Channels::all(),
            "sms.send" => Channels::of(&[Channel::Sms]),
            _ => return None,
        };
        Some(Self {
            class: Class::Contact,
            channels,
            requires: Vec::new(),
            tier: 2,
            hours: None,
            registry_max_age_s: None,
            creates: false,
            registry_sources: BTreeSet::new(),
        })
    }

    /// Whether a declared action whose row does not say so creates: one of class write or admin whose
    /// name ends in `create`, such as `crm.task.create`.
    pub fn creates_by_name(name: &str, class: Class) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        class.changes() && last == "create"
    }

    /// The tier of a declared action whose row states none.
    ///
    /// Reading is 0, writing 1, contact 2; changing the system itself is 3. Of the names in
    /// [`ActionRule::STARTER`] it is the tier there, which is what an action has whose row says none.
    pub fn default_tier(name: &str, class: Class) -> u8 {
        let starter = Self::STARTER.iter().find(|(known, _)| *known == name);
        match (starter, class) {
            (Some((_, tier)), Class::Contact) => (*tier).max(2),
            (Some((_, tier)), _) => *tier,
            (None, Class::Read) => 0,
            (None, Class::Write) => 1,
            (None, Class::Contact) => 2,
            (None, Class::Admin) => 3,
        }
    }

    /// The starter assignment of tiers: the names that the documentation uses for what every CRM has.
    /// A policy may state a tier of its own for them.
    pub const STARTER: [(&str, u8); 21] = [
        ("crm.read", 0),
        ("crm.search", 0),
        ("crm.note.create", 0),
        ("crm.task.create", 0),
        ("crm.contact.create", 1),
        ("crm.contact.update", 1),
        ("crm.company.update", 1),
        ("crm.owner.assign", 1),
        ("crm.deal.stage", 2),
        ("crm.lifecycle.stage", 2),
        ("email.send", 2),
        ("sequence.enroll", 2),
        ("meeting.book", 2),
        ("call.queue", 2),
        ("sms.send", 2),
        ("crm.record.delete", 3),
        ("crm.record.merge", 3),
        ("crm.list.edit", 3),
        ("crm.permission.change", 3),
        ("dnc.change", 3),
        ("crm.bulk.update", 3),
    ];
}

/// A word that is none of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} `{value}` is unknown: expected {expected}")]
pub struct UnknownWord {
    /// The field.
    pub field: &'static str,
    /// The word given, cut to 40 characters.
    pub value: String,
    /// The words known.
    pub expected: &'static str,
}

impl UnknownWord {
    fn new(field: &'static str, value: &str, expected: &'static str) -> Self {
        Self {
            field,
            value: value.chars().take(40).collect(),
            expected,
        }
    }
}
