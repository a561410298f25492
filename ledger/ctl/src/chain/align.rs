//! Two sequences side by side: which step of one is which of the other.

/// Steps beyond this many to a side, after equal beginnings and ends, are set side by side one by one
/// instead of by the longest common subsequence, whose table would grow with their product.
const TABLE_MAX: usize = 2_000;

/// A line of the comparison: the index of a step in the first sequence, in the second, or in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) left: Option<usize>,
    pub(crate) right: Option<usize>,
}

/// Aligns two sequences in order, without crossing: steps that are the `same` stand beside each other,
/// as many as possible; of what is left between them, steps that are `alike` do, one by one.
pub(crate) fn align<T>(
    left: &[T],
    right: &[T],
    same: impl Fn(&T, &T) -> bool,
    alike: impl Fn(&T, &T) -> bool,
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let (mut from_left, mut from_right) = (0, 0);
    let matches = common(left, right, &same);
    for (to_left, to_right) in matches.into_iter().chain([(left.len(), right.len())]) {
        between(
            &mut pairs,
            (left, from_left..to_left),
            (right, from_right..to_right),
            &alike,
        );
        if to_left < left.len() {
            pairs.push(Pair {
                left: Some(to_left),
                right: Some(to_right),
            });
        }
        (from_left, from_right) = (to_left + 1, to_right + 1);
    }
    pairs
}

/// The index pairs of a longest common subsequence, ascending.
fn common<T>(left: &[T], right: &[T], same: &impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let begin = left
        .iter()
        .zip(right)
        .take_while(|(a, b)| same(a, b))
        .count();
    let (rest_left, rest_right) = (&left[begin..], &right[begin..]);
    let end = rest_left
        .iter()
        .rev()
        .zip(rest_right.iter().rev())
        .take_while(|(a, b)| same(a, b))
        .count();
    let (rows, columns) = (rest_left.len() - end, rest_right.len() - end);
    let mut pairs: Vec<(usize, usize)> = (0..begin).map(|at| (at, at)).collect();
    if rows <= TABLE_MAX && columns <= TABLE_MAX {
        pairs.extend(
            longest(&rest_left[..rows], &rest_right[..columns], same)
                .into_iter()
                .map(|(a, b)| (begin + a, begin + b)),
        );
    } else {
        let one_by_one =
            (0..rows.min(columns)).filter(|at| same(&rest_left[*at], &rest_right[*at]));
        pairs.extend(one_by_one.map(|at| (begin + at, begin + at)));
    }
    pairs.extend((0..end).map(|at| (begin + rows + at, begin + columns + at)));
    pairs
}

fn longest<T>(left: &[T], right: &[T], same: &impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    // lengths[i * width + j]: of the longest common subsequence of left[i..] and right[j..].
    let mut lengths = vec![0u32; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            lengths[i * width + j] = if same(&left[i], &right[j]) {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < left.len() && j < right.len() {
        if same(&left[i], &right[j]) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

type Range = std::ops::Range<usize>;

/// What stands between two matches: alike steps beside each other, the rest alone, the left one first.
fn between<T>(
    pairs: &mut Vec<Pair>,
    (left, left_range): (&[T], Range),
    (right, right_range): (&[T], Range),
    alike: &impl Fn(&T, &T) -> bool,
) {
    let mut others = right_range.clone();
    for at in left_range {
        let found = others
            .clone()
            .find(|other| alike(&left[at], &right[*other]));
        let Some(found) = found else {
            pairs.push(Pair {
                left: Some(at),
                right: None,
            });
            continue;
        };
        pairs.extend((others.start..found).map(|other| Pair {
            left: None,
            right: Some(other),
        }));
        pairs.push(Pair {
            left: Some(at),
            right: Some(found),
        });
        others.start = found + 1;
    }
    pairs.extend(others.map(|other| Pair {
        left: None,
        right: Some(other),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps are letters with a case: the same are equal, alike are those of one case. `-` is nothing.
    fn aligned(left: &str, right: &str) -> (String, String) {
        let (left, right): (Vec<char>, Vec<char>) =
            (left.chars().collect(), right.chars().collect());
        let alike = |a: &char, b: &char| a.is_uppercase() == b.is_uppercase();
        let pairs = align(&left, &right, |a, b| a == b, alike);
        let shown = |steps: &[char], at: Option<usize>| at.map_or('-', |at| steps[at]);
        (
            pairs.iter().map(|pair| shown(&left, pair.left)).collect(),
            pairs.iter().map(|pair| shown(&right, pair.right)).collect(),
        )
    }

    #[test]
    fn steps_stand_beside_their_like_in_order() {
        for (left, right, shown_left, shown_right) in [
            ("", "", "", ""),
            ("Aa", "Aa", "Aa", "Aa"),
            ("AaB", "Aa", "AaB", "Aa-"),
            ("Aa", "AaB", "Aa-", "AaB"),
            ("AaBbC", "AaC", "AaBbC", "Aa--C"),
            ("AaC", "AaBbC", "Aa--C", "AaBbC"),
            // Another action of the same kind: beside each other.
            ("AaBb", "AaCb", "AaBb", "AaCb"),
            // Another kind: each alone.
            ("Ab", "AB", "Ab-", "A-B"),
            ("AB", "BA", "AB-", "-BA"),
            ("AxBy", "AzBw", "AxBy", "AzBw"),
            ("", "ab", "--", "ab"),
        ] {
            let (a, b) = aligned(left, right);
            assert_eq!(
                (a.as_str(), b.as_str()),
                (shown_left, shown_right),
                "{left} and {right}"
            );
        }
    }

    #[test]
    fn every_step_stands_once_and_in_order_and_as_many_as_can_match_do() {
        // Every pair of sequences of up to four letters out of three.
        let words: Vec<String> = (0..=4u32)
            .flat_map(|length| {
                (0..3usize.pow(length)).map(move |mut number| {
                    (0..length)
                        .map(|_| {
                            let letter = ['A', 'b', 'C'][number % 3];
                            number /= 3;
                            letter
                        })
                        .collect()
                })
            })
            .collect();
        for left in &words {
            for right in &words {
                let (a, b) = aligned(left, right);
                assert_eq!(a.replace('-', ""), **left);
                assert_eq!(b.replace('-', ""), **right);
                let matched = a.chars().zip(b.chars()).filter(|(a, b)| a == b).count();
                assert_eq!(matched, naive(left, right), "{left} and {right}: {a} {b}");
            }
        }
    }

    /// The length of the longest common subsequence, by trying everything.
    fn naive(left: &str, right: &str) -> usize {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else {
            return 0;
        };
        let (rest_left, rest_right) = (&left[1..], &right[1..]);
        let skipped = naive(rest_left, right).max(naive(left, rest_right));
        if a == b {
            skipped.max(1 + naive(rest_left, rest_right))
        } else {
            skipped
        }
    }

    #[test]
    fn long_runs_are_aligned_without_a_table() {
        let left: Vec<usize> = (0..5_000).collect();
        let mut right = left.clone();
        right[10] = 9_999;
        right[4_000] = 9_998;
        let pairs = align(&left, &right, |a, b| a == b, |_, _| true);
        assert_eq!(pairs.len(), 5_000);
        assert!(pairs.iter().all(|pair| pair.left == pair.right));
    }
}
