//! A narrow way to a ledger's socket: what a client sends gets through as far as a test lets it, however
//! fast either side is, and whatever holds up the test.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::Ledger;

/// A socket behind which the ledger's own is. Its threads end with their connections.
#[derive(Debug)]
pub struct Strait {
    socket: PathBuf,
    room: Arc<Room>,
}

/// How many more bytes may pass.
#[derive(Debug, Default)]
struct Room {
    bytes: Mutex<usize>,
    more: Condvar,
}

impl Strait {
    /// A way to this ledger's daemon through a socket of that name. Nothing passes yet.
    pub fn to(ledger: &Ledger, name: &str) -> Self {
        let socket = ledger.path(name);
        let listener = UnixListener::bind(&socket).expect("a socket");
        let room = Arc::new(Room::default());
        let (to, theirs) = (ledger.socket(), Arc::clone(&room));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Nobody listens behind it any more: then nobody does here either.
                let Ok(daemon) = UnixStream::connect(&to) else {
                    return;
                };
                let (client, daemon, room) =
                    (Arc::new(client), Arc::new(daemon), Arc::clone(&theirs));
                let (asking, asked) = (Arc::clone(&client), Arc::clone(&daemon));
                std::thread::spawn(move || room.pass(&asking, &asked));
                // Answers pass as they come.
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut &*daemon, &mut &*client);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { socket, room }
    }

    /// Where clients connect.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Lets that many bytes pass from now on, as long as nobody says so again.
    pub fn let_pass(&self, bytes: usize) {
        *self.room.lock() = bytes;
        self.room.more.notify_all();
    }
}

impl Room {
    /// Passes on what comes, as far as there is room.
    fn pass(&self, mut from: &UnixStream, mut to: &UnixStream) {
        loop {
            let mut piece = vec![0; self.wait()];
            let Ok(bytes @ 1..) = from.read(&mut piece) else {
                let _ = to.shutdown(Shutdown::Both);
                return;
            };
            {
                let mut left = self.lock();
                *left = left.saturating_sub(bytes);
            }
            if to.write_all(&piece[..bytes]).is_err() {
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    /// Waits until there is room, and says how much.
    fn wait(&self) -> usize {
        let room = self.more.wait_while(self.lock(), |bytes| *bytes == 0);
        *room.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
