//! `[numbers]`: every number that the gate and its timers read.

use std::ops::RangeInclusive;

/// The numbers of a policy. Keys that are absent, and the time before the first policy, use these
/// defaults, which the gate version fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// An allow must be started within this many seconds. 1 to 3,600; 60.
    pub valid_for_s: u64,
    /// An allow must be reported on within this many seconds, no fewer than `valid_for_s`. 1 to
    /// 604,800 (7 days); 900.
    pub report_within_s: u64,
    /// How much later than its validity an allow may seem to start, by the runtime's own clock, before
    /// that is a finding. 0 to 300 seconds; 5.
    pub start_tolerance_s: u64,
    /// An idle ledger writes a heartbeat this often. 1 to 86,400 seconds; 300.
    pub heartbeat_s: u64,
    /// A start later than this after the last entry blocks, no fewer than `heartbeat_s`. 60 to
    /// 31,536,000 seconds (365 days); 604,800.
    pub max_gap_s: u64,
    /// The wall clock may part from the monotonic clock by this many milliseconds before that is a
    /// jump. 100 to 3,600,000; 5,000.
    pub clock_bound_ms: u64,
    /// An approval must be given, and used, within this many seconds of the request. 60 to 604,800
    /// (7 days); 14,400 (4 hours).
    pub approve_within_s: u64,
    /// A request for break-glass must be confirmed within this many seconds. 60 to 3,600; 900.
    pub break_glass_confirm_s: u64,
    /// Break-glass is open for at most this many seconds. 60 to 14,400; 3,600.
    pub break_glass_max_s: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            valid_for_s: 60,
            report_within_s: 900,
            start_tolerance_s: 5,
            heartbeat_s: 300,
            max_gap_s: 604_800,
            clock_bound_ms: 5_000,
            approve_within_s: 14_400,
            break_glass_confirm_s: 900,
            break_glass_max_s: 3_600,
        }
    }
}

/// The keys of `[numbers]` and what each may be.
pub const NUMBER_RANGES: [(&str, RangeInclusive<u64>); 9] = [
    ("valid_for_s", 1..=3_600),
    ("report_within_s", 1..=604_800),
    ("start_tolerance_s", 0..=300),
    ("heartbeat_s", 1..=86_400),
    ("max_gap_s", 60..=31_536_000),
    ("clock_bound_ms", 100..=3_600_000),
    ("approve_within_s", 60..=604_800),
    ("break_glass_confirm_s", 60..=3_600),
    ("break_glass_max_s", 60..=14_400),
];

impl Numbers {
    /// The number behind a key of [`NUMBER_RANGES`].
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut u64> {
        Some(match key {
            "valid_for_s" => &mut self.valid_for_s,
            "report_within_s" => &mut self.report_within_s,
            "start_tolerance_s" => &mut self.start_tolerance_s,
            "heartbeat_s" => &mut self.heartbeat_s,
            "max_gap_s" => &mut self.max_gap_s,
            "clock_bound_ms" => &mut self.clock_bound_ms,
            "approve_within_s" => &mut self.approve_within_s,
            "break_glass_confirm_s" => &mut self.break_glass_confirm_s,
            "break_glass_max_s" => &mut self.break_glass_max_s,
            _ => return None,
        })
    }
}
