//! The file's second reading: its rows in pieces, each the work of one call.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;

use ledger_core::hash::Hash;
use ledger_core::limits::LISTINGS_MAX;
use ledger_feeds::suppression::{self, Change};
use ledger_proto::v1;
use tokio::sync::mpsc;

use super::file::Hashed;
use super::terms::{Terms, subject_to_wire};

/// Pieces read ahead of the sending.
const AHEAD: usize = 8;
/// Deletions looked up in one call.
const DELETES: usize = 500;

/// What one call, or a few, is about.
pub(super) enum Piece {
    /// Listings of one reason; the number counts the pieces of that reason from 1.
    Listings {
        reason: v1::ListingReason,
        number: u64,
        listings: Vec<v1::Listing>,
    },
    /// Whose listings end.
    Deletes(Vec<v1::Subject>),
    /// The end of the file, and the hash of what was read.
    End(Hash),
    /// It could not be read to its end.
    Failed(String),
}

/// Reads the file on a thread of its own, as fast as the pieces are taken. Of each reason, the pieces up to
/// the number in `skip` are counted and not made.
pub(super) fn read(
    file: File,
    terms: Terms,
    skip: BTreeMap<v1::ListingReason, u64>,
) -> mpsc::Receiver<Piece> {
    let (to, pieces) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut reader = Reader {
            terms,
            skip,
            to,
            open: BTreeMap::new(),
            deletes: Vec::new(),
        };
        // Where nobody takes the pieces any more, there is nobody to tell either.
        let _ = reader.run(file);
    });
    pieces
}

/// The piece of one reason that is being filled.
#[derive(Default)]
struct Open {
    number: u64,
    rows: usize,
    listings: Vec<v1::Listing>,
}

struct Reader {
    terms: Terms,
    skip: BTreeMap<v1::ListingReason, u64>,
    to: mpsc::Sender<Piece>,
    open: BTreeMap<v1::ListingReason, Open>,
    deletes: Vec<v1::Subject>,
}

impl Reader {
    fn run(&mut self, file: File) -> ControlFlow<()> {
        let mut hashed = Hashed::new(file);
        let format = self.terms.format;
        let read = suppression::read(format, BufReader::new(&mut hashed), &mut |row| {
            // What is rejected was told at the first reading.
            row.map_or(ControlFlow::Continue(()), |row| self.row(row))
        });
        if let Err(error) = read {
            return self.send(Piece::Failed(error.to_string()));
        }
        let deletes = std::mem::take(&mut self.deletes);
        if !deletes.is_empty() {
            self.send(Piece::Deletes(deletes))?;
        }
        for (reason, open) in std::mem::take(&mut self.open) {
            self.close(reason, open)?;
        }
        self.send(match hashed.finish() {
            Ok(hash) => Piece::End(hash),
            Err(error) => Piece::Failed(error.to_string()),
        })
    }

    fn row(&mut self, row: suppression::Row) -> ControlFlow<()> {
        if row.change == Change::Delete {
            self.deletes.push(subject_to_wire(row.subject));
            if self.deletes.len() < DELETES {
                return ControlFlow::Continue(());
            }
            let deletes = std::mem::take(&mut self.deletes);
            return self.send(Piece::Deletes(deletes));
        }
        let Some(reason) = self.terms.reason(&row) else {
            return ControlFlow::Continue(());
        };
        let skip = self.skip.get(&reason).copied().unwrap_or(0);
        let open = self.open.entry(reason).or_insert_with(|| Open {
            number: 1,
            ..Open::default()
        });
        open.rows += 1;
        if open.number > skip {
            open.listings.push(self.terms.listing(row, reason));
        }
        if open.rows < LISTINGS_MAX {
            return ControlFlow::Continue(());
        }
        let next = Open {
            number: open.number + 1,
            ..Open::default()
        };
        let full = std::mem::replace(open, next);
        self.close(reason, full)
    }

    fn close(&self, reason: v1::ListingReason, open: Open) -> ControlFlow<()> {
        if open.listings.is_empty() {
            return ControlFlow::Continue(());
        }
        self.send(Piece::Listings {
            reason,
            number: open.number,
            listings: open.listings,
        })
    }

    /// Breaks where nobody takes pieces any more.
    fn send(&self, piece: Piece) -> ControlFlow<()> {
        match self.to.blocking_send(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}
