//! What the shared tier keeps in the disk tier's directory: what is owed, and the place in the log.

use std::path::Path;
use std::sync::Arc;

use super::Shared;
use super::journal::Journal;
use super::notice::Notice;
use super::place::{Place, PlaceFile};
use crate::clock::{Ticks, ticks_in};
use crate::disk::{Ack, Durability, WRITE_DEADLINE};
use crate::error::{Error, ErrorKind};
use crate::sync::{Mutex, Ordering};

/// The files, and what an earlier process has left in them.
pub(crate) struct Home {
    journal: Arc<Mutex<Journal>>,
    place: PlaceFile,
    left: Option<Place>,
    owed: Vec<Notice>,
}

impl Home {
    /// Opens the files in `dir`; the journal has at most `most` bytes. Blocks.
    pub(crate) fn open(dir: &Path, most: u64, durability: Durability) -> Result<Self, Error> {
        let opened = Journal::open(dir, most, durability);
        let (journal, owed) = opened.map_err(|error| {
            let message = format!("disk directory {}: open owed: {error}", dir.display());
            Error::with_source(ErrorKind::Storage, message, error)
        })?;
        let place = PlaceFile::in_dir(dir);
        Ok(Self { journal: Arc::new(Mutex::new(journal)), left: place.read(), place, owed })
    }
}

impl Shared {
    /// Moves in: goes on where an earlier process has stopped.
    pub(crate) fn move_into(&mut self, home: Home) {
        let Home { journal, place, left, owed } = home;
        let mut queue = self.owed.lock();
        owed.into_iter().for_each(|notice| queue.push(notice));
        drop(queue);
        if let Some(left) = &left {
            *self.newest.lock() = left.cursor.clone();
        }
        self.left = left;
        self.journal = Some(journal);
        self.place = Some(place);
    }

    /// Writes down what is owed; whether it would survive the end of this process.
    pub(super) async fn write_down(&self, notice: Notice) -> bool {
        let Some(journal) = self.journal.clone() else { return false };
        let (done, written) = tokio::sync::oneshot::channel();
        self.spawner.spawn_blocking(Box::new(move || {
            let written = journal.lock().append(&notice);
            // Whoever asked may not be waiting.
            done.send(written).unwrap_or(());
        }));
        match self.clock.timeout(WRITE_DEADLINE, written).await {
            Some(Ok(Ok(()))) => true,
            Some(Ok(Err(error))) => {
                tracing::warn!(%error, "redis tier: what is owed is not written down");
                false
            }
            Some(Err(_)) | None => false,
        }
    }

    /// All that was owed has been told, unless something has come in since.
    pub(super) fn strike_out(self: &Arc<Self>) {
        let Some(journal) = self.journal.clone() else { return };
        let shared = Arc::clone(self);
        self.spawner.spawn_blocking(Box::new(move || {
            let mut journal = journal.lock();
            if shared.owed.lock().len() == 0
                && let Err(error) = journal.empty()
            {
                // It will be told again after a restart, which does no harm.
                tracing::warn!(%error, "redis tier: what was owed is still written down");
            }
        }));
    }
}

/// Decides when which place is kept: one that is old enough for all that was invalidated before it
/// to be on disk, or to have been reported as failed.
#[derive(Default)]
pub(super) struct Keeping {
    /// The disk's promise for the newest that was read. It keeps them in order.
    newest: Option<Ack>,
    waiting: Option<(Place, Option<Ack>, Ticks)>,
}

impl Keeping {
    /// Something that was read is on its way to the disk.
    pub(super) fn note(&mut self, ack: Ack) {
        self.newest = Some(ack);
    }

    /// The log has been read up to `place`; keeps the place that it is time for.
    pub(super) fn reached(&mut self, shared: &Arc<Shared>, place: Place) {
        let Some(file) = shared.place.clone() else { return };
        if shared.place_is_void.load(Ordering::Relaxed) {
            return;
        }
        let now = shared.clock.ticks();
        let hold = ticks_in(WRITE_DEADLINE + WRITE_DEADLINE / 4);
        match self.waiting.take() {
            None => self.waiting = Some((place, self.newest.take(), now)),
            Some((reached, ack, since)) if now.saturating_sub(since) >= hold => {
                keep(shared, file, reached, ack);
            }
            waiting => self.waiting = waiting,
        }
    }
}

fn keep(shared: &Arc<Shared>, file: PlaceFile, place: Place, ack: Option<Ack>) {
    let keeping = Arc::clone(shared);
    shared.spawner.spawn(Box::pin(async move {
        if let Some(ack) = ack
            && ack.kept(&keeping.clock).await.is_err()
        {
            keeping.place_is_void.store(true, Ordering::Relaxed);
            return;
        }
        keeping.spawner.clone().spawn_blocking(Box::new(move || {
            if let Err(error) = file.write(&place) {
                tracing::debug!(%error, "redis tier: the place in the log is not kept");
            }
        }));
    }));
}
