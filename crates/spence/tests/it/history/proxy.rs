//! The network between a node and the server: what passes through here comes late, or not at all.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::pause;

/// Connections are closed, and new ones too.
const CUT: u64 = u64::MAX;
/// Bytes are held back until that is over.
const SILENT: u64 = u64::MAX - 1;

/// A way to a server. Its threads end with the process.
pub(super) struct Proxy {
    port: u16,
    way: Arc<Way>,
}

#[derive(Default)]
struct Way {
    /// By how many milliseconds each piece is late, or one of the above.
    state: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// A way to the server at a port.
    pub(super) fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, way) = (listener.local_addr().unwrap().port(), Arc::new(Way::default()));
        let all = Arc::clone(&way);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // If the server is away the connection is closed at once.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    all.join(client, server);
                }
            }
        });
        Self { port, way }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Nobody gets through, and everybody is told so.
    pub(super) fn cut(&self) {
        self.way.state.store(CUT, Ordering::SeqCst);
        for stream in self.way.open.lock().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Nothing gets through, and nobody is told.
    pub(super) fn silence(&self) {
        self.way.state.store(SILENT, Ordering::SeqCst);
    }

    /// Everything is late by that; by nothing, all is well.
    pub(super) fn delay(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap();
        self.way.state.store(ms, Ordering::SeqCst);
    }
}

impl Way {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        if self.state.load(Ordering::SeqCst) == CUT {
            return;
        }
        for (from, to) in [(&client, &server), (&server, &client)] {
            from.set_nodelay(true).unwrap();
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let way = Arc::clone(self);
            std::thread::spawn(move || way.carry(from, to));
        }
        let mut open = self.open.lock();
        open.retain(|stream| stream.peer_addr().is_ok());
        open.extend([client, server]);
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            while self.state.load(Ordering::SeqCst) == SILENT {
                pause(Duration::from_millis(1));
            }
            let late = self.state.load(Ordering::SeqCst);
            if late < SILENT {
                pause(Duration::from_millis(late));
            }
            if late == CUT || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
}
