//! The signature of SendGrid's event webhook: ECDSA over P-256 and SHA-256, of the timestamp and the body.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::{HeaderMap, StatusCode};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;

use crate::http::HttpError;

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// How old a signature may be, in seconds. SendGrid tries a delivery again for 24 hours; a copy sent again
/// by somebody else in that time changes nothing, because its events are recorded already.
const OLD_S_MAX: i64 = 26 * 3_600;
/// How far the sender's clock may be ahead, in seconds.
const AHEAD_S_MAX: i64 = 300;
/// The most bytes of a key's text, and of a signature's: far more than either has.
const TEXT_BYTES_MAX: usize = 1_024;

/// The public key of a SendGrid account, as its settings show it: a DER `SubjectPublicKeyInfo` of a P-256
/// key in base64.
#[derive(Debug, Clone)]
pub struct SendgridKey {
    text: String,
    key: VerifyingKey,
}

/// Why something is not such a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a public key: expected the verification key of SendGrid's event webhook settings, a P-256 key as base64 of its DER form"
)]
pub struct KeyError;

impl FromStr for SendgridKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let der = Some(text).filter(|text| text.len() <= TEXT_BYTES_MAX);
        let der = der
            .and_then(|text| BASE64.decode(text).ok())
            .ok_or(KeyError)?;
        let key = VerifyingKey::from_public_key_der(&der).map_err(|_| KeyError)?;
        Ok(Self {
            text: text.to_owned(),
            key,
        })
    }
}

impl SendgridKey {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the account of this key has signed `body`, not too long before `now_s`.
    ///
    /// # Errors
    /// 401 where it is not signed, 403 where the signature does not hold or its time is too far off.
    pub fn check(&self, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), HttpError> {
        let signature = the_one(headers, SIGNATURE)?;
        let timestamp = the_one(headers, TIMESTAMP)?;
        let refused = |text: String| HttpError::new(StatusCode::FORBIDDEN, text);
        let bytes = Some(signature).filter(|text| text.len() <= TEXT_BYTES_MAX);
        let bytes = bytes.and_then(|text| BASE64.decode(text).ok());
        let signature = bytes.and_then(|bytes| DerSignature::try_from(bytes.as_slice()).ok());
        let signed = [timestamp.as_bytes(), body].concat();
        let holds = signature.is_some_and(|signature| self.key.verify(&signed, &signature).is_ok());
        if !holds {
            let text = format!(
                "header `{SIGNATURE}`: the signature does not hold under the configured key: expected SendGrid's own, \
                 over `{TIMESTAMP}` and the body as it was sent"
            );
            return Err(refused(text));
        }
        // Signed, and so SendGrid's word; only now does it matter what it says.
        let at: Option<i64> = timestamp.parse().ok();
        match at {
            Some(at) if now_s.saturating_sub(at) > OLD_S_MAX => Err(refused(format!(
                "header `{TIMESTAMP}`: it was signed more than {OLD_S_MAX} s ago: expected a delivery of the last day"
            ))),
            Some(at) if at.saturating_sub(now_s) > AHEAD_S_MAX => Err(refused(format!(
                "header `{TIMESTAMP}`: it was signed more than {AHEAD_S_MAX} s ahead of this clock: set the clock"
            ))),
            Some(_) => Ok(()),
            None => Err(refused(format!(
                "header `{TIMESTAMP}`: expected whole seconds since 1970"
            ))),
        }
    }
}

fn the_one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, HttpError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().and_then(|value| value.to_str().ok());
    match (first, values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(HttpError::new(
            StatusCode::UNAUTHORIZED,
            format!(
                "header `{name}`: it is required once: deliveries must be signed here, because `--sendgrid-key` is set; \
                 enable the signed event webhook in SendGrid's settings"
            ),
        )),
    }
}

#[cfg(test)]
mod tests;
