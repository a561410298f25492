//! Who is calling, and whether they may.
//!
//! A credential is 32 random bytes. It travels as `authorization: Bearer <64 hex digits>`, over a Unix
//! socket and loopback as well as over any other connection, and is known to the ledger by its SHA-256
//! alone, which stands in the `principal` entry. There is no way in without one but for the standard
//! health service and server reflection: the first says only whether the daemon serves, the second only
//! what the published `.proto` files say.
//!
//! The hash is looked up in an ordered map, not compared in constant time. What a timing could tell an
//! attacker is how far the SHA-256 of *their own guess* agrees with a stored one; without a preimage
//! that leads to no credential, and the stored hashes are no secrets: they are in the log.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ledger_core::hash::Hash;
use ledger_core::role::{Call, Grant, Role};
use tokio::sync::OwnedSemaphorePermit;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::room::Rooms;
use crate::snapshot::{Latest, Snapshot};
use crate::status::{CallError, CredentialError};

/// The most requests of one principal whose bodies are still coming in. What has come in is a command,
/// and counted by the queue.
const BODIES_MAX: usize = 256;
/// The schemes of the `authorization` header.
const BEARER: &str = "bearer";
const BASIC: &str = "basic";

/// The forms in which a credential is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schemes {
    /// `Bearer <64 hex digits>`
    Bearer,
    /// That, or `Basic` with the principal's id as the user and the 64 hex digits as the password, for
    /// senders that can do nothing else (RFC 7617).
    BearerOrBasic,
}

/// An authenticated principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its id.
    pub id: Arc<str>,
    /// Its role.
    pub role: Role,
    /// The SHA-256 of the credential that it came with.
    credential: Hash,
}

impl Caller {
    /// Who sent a request that went through [`Authenticate`].
    ///
    /// # Errors
    /// [`CredentialError::Missing`] where it did not.
    pub fn of<T>(request: &Request<T>) -> Result<Self, CallError> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| CredentialError::Missing.into())
    }

    /// What the caller may do with `call`.
    ///
    /// # Errors
    /// [`CallError::Role`] where that is nothing.
    pub fn may(&self, call: Call) -> Result<Grant, CallError> {
        match call.granted(self.role) {
            Grant::No => Err(CallError::Role {
                role: self.role,
                call,
            }),
            grant => Ok(grant),
        }
    }

    /// Whether the credential is still in force. A long answer asks again while it is sent.
    pub fn is_in_force(&self, latest: &Latest) -> bool {
        self.is_known_to(&latest.get())
    }

    /// Whether the credential is in force as of a snapshot.
    pub fn is_known_to(&self, snapshot: &Snapshot) -> bool {
        snapshot
            .principals
            .holder(&self.credential)
            .is_some_and(|holder| *holder.id == *self.id)
    }

    /// What the caller may do with `call` as of a snapshot. What comes in over a connection that has been
    /// open for long asks again with each message.
    ///
    /// # Errors
    /// [`CredentialError::Unknown`] where the credential is no longer in force, [`CallError::Role`] where
    /// its holder may not call that.
    pub fn still_may(&self, call: Call, snapshot: &Snapshot) -> Result<Grant, CallError> {
        if !self.is_known_to(snapshot) {
            return Err(CredentialError::Unknown.into());
        }
        self.may(call)
    }

    /// A caller as tests need one.
    #[cfg(test)]
    pub(crate) fn test(id: &str, role: Role) -> Self {
        Self {
            id: id.into(),
            role,
            credential: Hash([0; 32]),
        }
    }
}

/// Lets nobody in without a credential that is in force. It runs before a request's body is read, so
/// that a stranger cannot make the daemon hold one.
#[derive(Debug, Clone)]
pub struct Authenticate {
    latest: Latest,
    bodies: Arc<Rooms<Arc<str>>>,
    /// The principal whose credential opens one path over HTTP and nothing else, and that path.
    bound: Option<(Arc<str>, &'static str)>,
}

/// Holds a place among the bodies that are coming in, until the handler has the request.
#[derive(Debug, Clone)]
pub struct BodyPlace(#[expect(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

impl Authenticate {
    /// Looks credentials up in the latest committed state.
    pub fn new(latest: Latest) -> Self {
        let bodies = Rooms::new("the number of your requests that are coming in", BODIES_MAX);
        Self {
            latest,
            bodies: Arc::new(bodies),
            bound: None,
        }
    }

    /// Lets the credential of `principal`, if there is one, open `path` over HTTP and nothing else: what comes in
    /// there has to show more than a credential.
    #[must_use]
    pub fn binding(mut self, principal: Option<&str>, path: &'static str) -> Self {
        self.bound = principal.map(|principal| (principal.into(), path));
        self
    }

    /// Whether the caller's credential opens this path, or, without one, calls over gRPC.
    ///
    /// # Errors
    /// [`CallError::NotYours`] where it is bound to another.
    pub fn opens(&self, caller: &Caller, path: Option<&str>) -> Result<(), CallError> {
        match &self.bound {
            Some((principal, bound)) if *principal == caller.id && path != Some(bound) => {
                let what = format!(
                    "the credential of `{principal}` opens `POST {bound}` and nothing else, because \
                     `--sendgrid-principal` names it: use that of another principal"
                );
                Err(CallError::NotYours { what })
            }
            _ => Ok(()),
        }
    }

    /// Whose request this is, by the values of its `authorization` headers.
    ///
    /// # Errors
    /// [`CredentialError`]
    pub fn caller<'a>(
        &self,
        values: impl Iterator<Item = &'a [u8]>,
        schemes: Schemes,
    ) -> Result<Caller, CredentialError> {
        let Presented { credential, id } = presented(values, schemes)?;
        let latest = self.latest.get();
        let holder = latest.principals.holder(&credential);
        let holder = holder.filter(|holder| id.is_none_or(|id| id == holder.id));
        let holder = holder.ok_or(CredentialError::Unknown)?;
        Ok(Caller {
            id: holder.id.as_str().into(),
            role: holder.role,
            credential,
        })
    }

    /// A place among the bodies that are coming in from this caller, until it is dropped.
    ///
    /// # Errors
    /// [`CallError::Busy`] where all of the caller's are taken.
    pub fn place(&self, caller: &Caller) -> Result<BodyPlace, CallError> {
        let place = self.bodies.take(Arc::clone(&caller.id), 1)?;
        Ok(BodyPlace(Arc::new(place)))
    }
}

impl Interceptor for Authenticate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let values = request.metadata().get_all("authorization");
        let values = values.iter().map(MetadataValue::as_bytes);
        let caller = self
            .caller(values, Schemes::Bearer)
            .map_err(CallError::from)?;
        self.opens(&caller, None)?;
        let place = self.place(&caller)?;
        request.extensions_mut().insert(place);
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}

/// Whether the value of an `authorization` header is of the scheme `Basic`.
pub fn is_basic(value: &[u8]) -> bool {
    let scheme = value.split(|byte| *byte == b' ').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(BASIC.as_bytes()))
}

/// What an `authorization` header says.
struct Presented {
    /// SHA-256 of the credential.
    credential: Hash,
    /// The id of whose it is, where the scheme says that.
    id: Option<String>,
}

/// Reads the one `authorization` header that a request must have.
fn presented<'a>(
    mut values: impl Iterator<Item = &'a [u8]>,
    schemes: Schemes,
) -> Result<Presented, CredentialError> {
    let value = values.next().ok_or(CredentialError::Missing)?;
    if values.next().is_some() {
        return Err(CredentialError::Malformed);
    }
    let text = std::str::from_utf8(value).map_err(|_| CredentialError::Malformed)?;
    let (scheme, rest) = text.split_once(' ').ok_or(CredentialError::Malformed)?;
    // RFC 9110 section 11.1: the name of a scheme has no case.
    if scheme.eq_ignore_ascii_case(BEARER) {
        let credential = credential(rest)?;
        return Ok(Presented {
            credential,
            id: None,
        });
    }
    if schemes != Schemes::BearerOrBasic || !scheme.eq_ignore_ascii_case(BASIC) {
        return Err(CredentialError::Malformed);
    }
    // RFC 7617 section 2: the id has no colon.
    let pair = BASE64.decode(rest).ok();
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.ok_or(CredentialError::Malformed)?;
    let (id, password) = pair.split_once(':').ok_or(CredentialError::Malformed)?;
    Ok(Presented {
        credential: credential(password)?,
        id: Some(id.to_owned()),
    })
}

/// The SHA-256 of a credential written as 64 hex digits.
fn credential(digits: &str) -> Result<Hash, CredentialError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| CredentialError::Malformed)?;
    Ok(Hash::of(&bytes))
}

#[cfg(test)]
mod tests {
    use ledger_core::entry::{Body, Cause, Change, Entry, PrincipalChange};
    use ledger_core::state::State;
    use ledger_core::time::Timestamp;
    use ledger_core::view::MemoryView;
    use tonic::Code;

    use super::*;

    const CREDENTIAL: [u8; 32] = [7; 32];

    fn state(changes: &[Option<Hash>]) -> State<MemoryView> {
        let mut state = State::load(MemoryView::default()).expect("empty");
        for (seq, credential) in (0..).zip(changes) {
            let change = PrincipalChange {
                cause: Cause::ledger(),
                id: "agent.a".to_owned(),
                role: Role::Agent,
                groups: Vec::new(),
                credential: *credential,
                change: Change::Added,
            };
            state
                .apply(
                    &Entry {
                        seq,
                        time: Timestamp::EPOCH,
                        sandbox: false,
                        body: Body::Principal(change),
                    },
                    None,
                )
                .expect("folds");
        }
        state
    }

    fn latest(changes: &[Option<Hash>]) -> Latest {
        let state = state(changes);
        Latest::new(Snapshot::first(&state, Timestamp::EPOCH))
    }

    fn asked(latest: &Latest, authorization: Option<&str>) -> Result<Caller, Status> {
        let mut request = Request::new(());
        if let Some(value) = authorization {
            request
                .metadata_mut()
                .insert("authorization", value.parse().expect("metadata"));
        }
        let request = Authenticate::new(latest.clone()).call(request)?;
        Ok(Caller::of(&request)?)
    }

    #[test]
    fn a_credential_in_force_is_its_holder_and_everything_else_is_nobody() {
        let latest = latest(&[Some(Hash::of(&CREDENTIAL))]);
        let good = hex::encode(CREDENTIAL);
        for header in [
            format!("Bearer {good}"),
            format!("bearer {}", good.to_uppercase()),
        ] {
            let caller = asked(&latest, Some(&header)).expect("in force");
            assert_eq!((&*caller.id, caller.role), ("agent.a", Role::Agent));
        }
        for (header, reason) in [
            (None, "no credential"),
            (Some(good.clone()), "malformed"),
            (Some(format!("Basic {good}")), "malformed"),
            (Some(format!("Bearer  {good}")), "malformed"),
            (Some(format!("Bearer {}", &good[..62])), "malformed"),
            (Some(format!("Bearer {good}00")), "malformed"),
            (
                Some(format!("Bearer {}", hex::encode([8; 32]))),
                "not in force",
            ),
            (
                Some(format!("Bearer {}", Hash::of(&CREDENTIAL))),
                "not in force",
            ),
        ] {
            let status = asked(&latest, header.as_deref()).expect_err("nobody");
            assert_eq!(status.code(), Code::Unauthenticated);
            assert!(
                status.message().contains(reason),
                "{header:?}: {}",
                status.message()
            );
            assert!(
                !status.message().contains(&good[..8]),
                "the credential is repeated: {}",
                status.message()
            );
        }
    }

    #[test]
    fn basic_is_taken_where_it_is_asked_for_and_names_whose_the_credential_is() {
        let authenticate = Authenticate::new(latest(&[Some(Hash::of(&CREDENTIAL))]));
        let good = hex::encode(CREDENTIAL);
        let asked = |pair: &str, schemes| {
            let header = format!("Basic {}", BASE64.encode(pair));
            authenticate.caller([header.as_bytes()].into_iter(), schemes)
        };
        let pair = format!("agent.a:{good}");
        let caller = asked(&pair, Schemes::BearerOrBasic).expect("in force");
        assert_eq!((&*caller.id, caller.role), ("agent.a", Role::Agent));
        for (pair, schemes, expected) in [
            (pair.clone(), Schemes::Bearer, CredentialError::Malformed),
            (
                format!("agent.b:{good}"),
                Schemes::BearerOrBasic,
                CredentialError::Unknown,
            ),
            (
                format!(":{good}"),
                Schemes::BearerOrBasic,
                CredentialError::Unknown,
            ),
            (
                good.clone(),
                Schemes::BearerOrBasic,
                CredentialError::Malformed,
            ),
            (
                format!("{pair}:"),
                Schemes::BearerOrBasic,
                CredentialError::Malformed,
            ),
        ] {
            assert_eq!(
                asked(&pair, schemes).expect_err("nobody"),
                expected,
                "{pair}"
            );
        }
        let unencoded = format!("Basic {pair}");
        let refused =
            authenticate.caller([unencoded.as_bytes()].into_iter(), Schemes::BearerOrBasic);
        assert_eq!(refused.expect_err("nobody"), CredentialError::Malformed);
    }

    #[test]
    fn a_credential_sent_twice_is_malformed() {
        let latest = latest(&[Some(Hash::of(&CREDENTIAL))]);
        let mut request = Request::new(());
        let value = format!("Bearer {}", hex::encode(CREDENTIAL));
        request
            .metadata_mut()
            .append("authorization", value.parse().expect("metadata"));
        request
            .metadata_mut()
            .append("authorization", value.parse().expect("metadata"));
        assert!(Authenticate::new(latest).call(request).is_err());
    }

    #[test]
    fn a_replaced_or_revoked_credential_is_refused_at_once_and_within_a_long_answer() {
        let header = format!("Bearer {}", hex::encode(CREDENTIAL));
        let latest = latest(&[Some(Hash::of(&CREDENTIAL))]);
        let caller = asked(&latest, Some(&header)).expect("in force");
        assert!(caller.is_in_force(&latest));
        for changes in [
            [Some(Hash::of(&CREDENTIAL)), None],
            [Some(Hash::of(&CREDENTIAL)), Some(Hash::of(b"new"))],
        ] {
            let state = state(&changes);
            latest.set(Arc::new(Snapshot::first(&state, Timestamp::EPOCH)));
            assert!(!caller.is_in_force(&latest));
            assert_eq!(
                asked(&latest, Some(&header)).expect_err("revoked").code(),
                Code::Unauthenticated
            );
        }
    }

    #[test]
    fn a_principal_has_256_bodies_coming_in_and_no_more() {
        let latest = latest(&[Some(Hash::of(&CREDENTIAL))]);
        let mut authenticate = Authenticate::new(latest);
        let mut ask = || {
            let mut request = Request::new(());
            let value = format!("Bearer {}", hex::encode(CREDENTIAL));
            request
                .metadata_mut()
                .insert("authorization", value.parse().expect("metadata"));
            authenticate.call(request)
        };
        let mut held: Vec<_> = (0..256).map(|_| ask().expect("room")).collect();
        let refused = ask().expect_err("full");
        assert_eq!(refused.code(), Code::ResourceExhausted);
        held.pop();
        ask().expect("room again");
    }

    #[test]
    fn a_call_without_the_interceptor_has_no_caller() {
        assert!(Caller::of(&Request::new(())).is_err());
    }
}

#[cfg(test)]
mod table {
    use super::*;

    /// `docs/roles.md` shows people the table that the code goes by.
    #[test]
    fn the_documented_table_is_the_one_in_force() {
        let text = include_str!("../../../docs/roles.md");
        let mut rows = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| {
                line.trim_matches('|')
                    .split('|')
                    .map(str::trim)
                    .collect::<Vec<_>>()
            });
        let header = rows.next().expect("a header");
        let roles: Vec<Role> = header[1..]
            .iter()
            .map(|word| Role::parse(word).expect("a role"))
            .collect();
        assert_eq!(roles, Role::ALL);
        rows.next().expect("a rule below the header");
        let mut calls = Vec::new();
        for row in rows {
            let name = row[0].trim_matches('`');
            let call = Call::ALL.into_iter().find(|call| call.as_str() == name);
            let call = call.unwrap_or_else(|| panic!("`{name}` is no call"));
            for (role, word) in roles.iter().zip(&row[1..]) {
                let documented = match *word {
                    "yes" => Grant::Yes,
                    "own" => Grant::Own,
                    "-" => Grant::No,
                    other => panic!("`{other}` in the row of {call}"),
                };
                assert_eq!(documented, call.granted(*role), "{call} by {role}");
            }
            assert_eq!(row.len(), roles.len() + 1, "{call}");
            calls.push(call);
        }
        assert_eq!(calls, Call::ALL);
    }
}
