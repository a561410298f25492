//! A whole log, as a reader sees it: lines of JSON.

use std::path::Path;

use serde_json::Value;

/// Every leaf of a log, and the checkpoint over them.
#[derive(Debug, Clone)]
pub struct Log {
    /// The leaves' bytes.
    pub entries: Vec<Vec<u8>>,
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
}

/// One entry, parsed by nothing of this project.
#[derive(Debug, Clone)]
pub struct Line(pub Value);

impl Log {
    /// These leaves.
    pub fn new(entries: Vec<Vec<u8>>, checkpoint: Vec<u8>) -> Self {
        Self {
            entries,
            checkpoint,
        }
    }

    /// The log in an export's folder.
    pub fn read(folder: &Path) -> Self {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
        };
        let lines = read("entries.jsonl");
        let lines = lines
            .strip_suffix(b"\n")
            .expect("the last line ends with a LF");
        Self {
            entries: lines
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect(),
            checkpoint: read("checkpoint"),
        }
    }

    /// Its entries.
    pub fn lines(&self) -> Vec<Line> {
        self.entries
            .iter()
            .map(|entry| Line::parse(entry))
            .collect()
    }

    /// Its entries of one kind.
    pub fn of_kind(&self, kind: &str) -> Vec<Line> {
        self.lines()
            .into_iter()
            .filter(|line| line.text("kind") == kind)
            .collect()
    }
}

impl Line {
    /// An entry's bytes as JSON.
    pub fn parse(entry: &[u8]) -> Self {
        Self(serde_json::from_slice(entry).unwrap_or_else(|error| {
            panic!(
                "an entry is not JSON ({error}): {}",
                String::from_utf8_lossy(entry)
            )
        }))
    }

    /// Its place.
    pub fn seq(&self) -> u64 {
        self.0["seq"]
            .as_u64()
            .unwrap_or_else(|| panic!("no seq: {}", self.0))
    }

    /// A value that is text; empty where it is absent.
    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    /// Its time, in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        micros(self.text("time"))
    }

    /// The codes of its reasons.
    pub fn codes(&self) -> Vec<&str> {
        let reasons = self.0["reasons"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        reasons
            .iter()
            .filter_map(|reason| reason["code"].as_str())
            .collect()
    }

    /// Its findings.
    pub fn findings(&self) -> Vec<&str> {
        let findings = self.0["findings"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        findings.iter().filter_map(Value::as_str).collect()
    }
}

/// A time of the log in microseconds since 1970: `2026-11-22T11:31:05.123456Z`, days counted by hand.
fn micros(time: &str) -> i64 {
    let number = |from: usize, to: usize| {
        time.get(from..to)
            .and_then(|digits| digits.parse::<i64>().ok())
            .unwrap_or_else(|| panic!("not a time: `{time}`"))
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days: i64 = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum::<i64>()
        + months
            .iter()
            .zip(1..month)
            .map(|(days, _)| days)
            .sum::<i64>()
        + day
        - 1;
    let seconds = ((days * 24 + number(11, 13)) * 60 + number(14, 16)) * 60 + number(17, 19);
    seconds * 1_000_000 + number(20, 26)
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn times_are_read_as_the_calendar_has_them() {
        // Seconds by `date -u -d <time> +%s`.
        assert_eq!(micros("1970-01-01T00:00:00.000000Z"), 0);
        assert_eq!(micros("2000-02-29T12:00:00.000001Z"), 951_825_600_000_001);
        assert_eq!(micros("2026-11-22T11:31:05.123456Z"), 1_795_347_065_123_456);
    }
}
