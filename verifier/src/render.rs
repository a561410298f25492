//! A transcript as text: aligned columns, wrapped between words.

use std::fmt::Write as _;

use crate::exit::Exit;
use crate::transcript::{Status, Transcript};

/// The width to which lines are wrapped. A word that is longer, such as a hash, stands out.
const COLUMNS: usize = 100;

/// The transcript for people.
pub fn text(transcript: &Transcript) -> String {
    let mut out = String::new();
    let check = transcript.steps.iter().map(|step| step.check.len()).max();
    let check = check.unwrap_or(0);
    let mut material = None;
    for step in &transcript.steps {
        if step.material != material {
            material.clone_from(&step.material);
            if let Some(material) = &material {
                let gap = if out.is_empty() { "" } else { "\n" };
                let _ = writeln!(out, "{gap}{material}");
            }
        }
        let status = match step.status {
            Status::Passed => "ok",
            Status::Failed => "FAILED",
            Status::Noted => "note",
        };
        let head = format!("  {status:<6}  {:<check$}  ", step.check);
        paragraph(&mut out, &head, &step.words);
    }
    list(&mut out, "This proves", &transcript.proves);
    list(&mut out, "This does not prove", &transcript.does_not_prove);
    out.push('\n');
    let mut last = match transcript.verdict {
        Exit::Verified => "Verified.".to_owned(),
        exit => {
            let mut meaning = exit.meaning().to_owned();
            if let Some(first) = meaning.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            format!("{meaning} (exit code {}).", exit.code())
        }
    };
    if let Some(account) = &transcript.account {
        last.push(' ');
        last.push_str(account);
    }
    out.push_str(&last);
    out.push('\n');
    out
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for item in items {
        paragraph(out, "  - ", item);
    }
}

/// Writes `words` behind `head`, the lines after the first under the first. Lines that `words` has of
/// its own stay.
fn paragraph(out: &mut String, head: &str, words: &str) {
    let indent = " ".repeat(head.chars().count());
    let mut start = head;
    for line in words.lines() {
        let mut column = 0;
        let lead = line.len() - line.trim_start().len();
        for word in line.split_whitespace() {
            let width = word.chars().count();
            if column == 0 {
                out.push_str(start);
                out.push_str(&line[..lead]);
                column = indent.len() + lead + width;
            } else if column + 1 + width > COLUMNS {
                out.push('\n');
                out.push_str(&indent);
                out.push_str(&line[..lead]);
                column = indent.len() + lead + width;
            } else {
                out.push(' ');
                column += 1 + width;
            }
            out.push_str(word);
            start = &indent;
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Failure;

    #[test]
    fn columns_are_aligned_and_long_lines_hang() {
        let mut transcript = Transcript::new("receipt");
        transcript.passed("key", "short");
        transcript.noted("coverage", "word ".repeat(30));
        transcript.failed(Failure::refuted("leaf", "one\n  two"));
        transcript.proves("something");
        let expected = "  ok      key       short
  note    coverage  word word word word word word word word word word word word word word word word
                    word word word word word word word word word word word word word word
  FAILED  leaf      one
                      two

This proves
  - something

Refuted: the material is not what it claims to be (exit code 1).
";
        assert_eq!(text(&transcript), expected);
    }
}
