//! What every node is told: at once, or as soon as the server is there.

use std::sync::Arc;

use super::link::{Link, Published, Stamp};
use super::notice::{About, Notice};
use super::stream::Cursor;
use super::wire::Failure;
use super::{Id, Shared, Told};
use crate::ban::Ban;

/// Fields of the state, which are bans but for a few; beyond it everything is forgotten.
const MOST_FIELDS: u64 = 65_536;

impl Shared {
    /// Deletes what a notice is about from the shared tier and tells every node, or owes it.
    pub(crate) async fn tell(&self, notice: Notice) -> Told {
        let id = id_of(&notice);
        self.publish(&notice, id).await
    }

    /// Tells every node, so that they look into the shared tier; what is there stays.
    pub(crate) async fn announce(&self, notice: Notice) -> Told {
        self.publish(&notice, None).await
    }

    async fn publish(&self, notice: &Notice, delete: Option<Id<'_>>) -> Told {
        if let Some(link) = self.link.load_full() {
            let stamp = Stamp { notice: Some(notice), node: &self.node };
            match link.forget(delete, &stamp, link.deadline).await {
                Ok(published) => {
                    self.acknowledged(&link, notice, &published);
                    return Told::Acknowledged;
                }
                Err(failure) => self.fail(&link, failure),
            }
        }
        if self.owe(notice.clone()).await {
            return Told::Acknowledged;
        }
        Told::Owed { durable: self.write_down(notice.clone()).await }
    }

    /// Has a notice told later. Whether that has been done: while a server is being told, that is
    /// waited for, or whoever invalidates without pause would keep the link out of use.
    async fn owe(&self, notice: Notice) -> bool {
        let opened = {
            let mut owed = self.owed.lock();
            owed.push(notice);
            self.link.store(None);
            owed.is_being_paid().then(|| self.opened.notified())
        };
        self.disturbed.notify_one();
        let Some(opened) = opened else { return false };
        self.clock.timeout(self.settings.deadline, opened).await.is_some()
    }

    /// A notice has come to stand in the log; `false` if that is not the log that is known.
    pub(super) fn acknowledged(
        &self,
        link: &Arc<Link>,
        notice: &Notice,
        published: &Published,
    ) -> bool {
        if published.epoch != self.belief.read().epoch() {
            self.fail(link, Failure::Unfit("it has lost its state".to_owned()));
            return false;
        }
        self.heard(notice, published.position);
        let mut owed = self.owed.lock();
        owed.told(notice);
        if published.fields > MOST_FIELDS {
            // Too many bans for a node that joins: one of everything makes them needless.
            owed.push(Notice::of_everything());
            self.link.store(None);
            self.disturbed.notify_one();
        }
        drop(owed);
        let record = published.record.clone();
        self.has_seen(&Cursor { record, position: published.position });
        true
    }

    /// A notice stands at a position of the log.
    pub(super) fn heard(&self, notice: &Notice, position: u64) {
        if let About::Many(what) = &notice.about {
            let ban = Ban { position, effect: notice.effect, what: what.clone() };
            self.belief.read().ban(ban);
        }
    }

    pub(super) fn has_seen(&self, cursor: &Cursor) {
        let mut newest = self.newest.lock();
        if cursor.position > newest.position {
            *newest = cursor.clone();
        }
    }
}

pub(super) fn id_of(notice: &Notice) -> Option<Id<'_>> {
    match &notice.about {
        About::Key { namespace, key } => Some(Id { namespace, key }),
        About::Many(_) => None,
    }
}
