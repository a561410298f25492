//! How much one batch of requests holds.

use prost::Message;

/// The most items of a batch. Eight such batches fill a principal's quota.
pub const ITEMS_MAX: usize = 256;
/// The most bytes of a batch's items as encoded, without their tags and lengths; the largest single request
/// fits.
pub const BYTES_MAX: usize = 2 << 20;

/// How many of these requests, from the first on, one batch takes. At least one, where there is any.
pub fn takes<'a, M: Message + 'a>(requests: impl IntoIterator<Item = &'a M>) -> usize {
    let mut bytes = 0;
    let fits = |request: &&M| {
        bytes += request.encoded_len();
        bytes <= BYTES_MAX
    };
    let mut requests = requests.into_iter().peekable();
    let any = requests.peek().is_some();
    requests
        .take(ITEMS_MAX)
        .take_while(fits)
        .count()
        .max(usize::from(any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_what_its_limits_let_it() {
        let of = |items: usize, bytes: usize| takes(&vec!["x".repeat(bytes); items]);
        assert_eq!(of(0, 1), 0);
        assert_eq!(of(1, 1), 1);
        assert_eq!(of(256, 1), 256);
        assert_eq!(of(700, 1), 256);
        // A string has a tag and a length of 3 bytes beside its own here.
        assert_eq!(of(3, (1 << 20) - 4), 2);
        assert_eq!(of(3, (1 << 20) - 3), 1);
        assert_eq!(of(3, 3 << 20), 1);
    }
}
