//! What comes up from the shared tier while others of the same node show something else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use spence::{Batch, Cache, Codec, Error, Fill, Fills, Postcard, Redis, Spence, SpenceBuilder};
use spence_testkit::RedisServer;
use tokio::sync::Semaphore;

use crate::cluster::until;
use crate::gathered::calls;

const KEY: &str = "key";

/// Readers wait, one after the other, before they decode what they have read.
#[derive(Default)]
struct Readers {
    waiting: Mutex<u32>,
    let_through: Mutex<u32>,
    more: Condvar,
}

impl Readers {
    fn let_through(&self, count: u32) {
        *self.let_through.lock() = count;
        self.more.notify_all();
    }

    async fn have_read(&self, count: u32) {
        until("read", async || *self.waiting.lock() == count).await;
    }
}

#[derive(Clone, Default)]
struct HeldBack(Arc<Readers>);

impl Codec<Vec<u32>> for HeldBack {
    fn id(&self) -> u8 {
        200
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, value: &Vec<u32>) -> Result<Bytes, Error> {
        Postcard.encode(value)
    }

    fn decode(&self, bytes: Bytes) -> Option<Vec<u32>> {
        let mut waiting = self.0.waiting.lock();
        let earlier = *waiting;
        *waiting += 1;
        drop(waiting);
        tokio::task::block_in_place(|| {
            let mut let_through = self.0.let_through.lock();
            self.0.more.wait_while(&mut let_through, |count| *count <= earlier);
        });
        Postcard.decode(bytes)
    }
}

async fn node(server: &RedisServer, builder: SpenceBuilder) -> Spence {
    let redis = Redis::at(server.url()).deadline(Duration::from_secs(5));
    let spence = builder.redis(redis).build().await.unwrap();
    until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
    spence
}

/// A call that wants this many rows of an origin that waits at a gate.
fn first(
    rows: &Cache<String, Vec<u32>>,
    wanted: u32,
    gate: &Arc<Semaphore>,
) -> tokio::task::JoinHandle<usize> {
    let (rows, gate) = (rows.clone(), Arc::clone(gate));
    tokio::spawn(async move {
        let covers = move |_: &String, held: &Vec<u32>| held.len() as u32 >= wanted;
        let fill = move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                let fill = Fill::new((0..wanted).collect());
                Ok::<_, Error>([(KEY.to_owned(), fill)].into_iter().collect::<Fills<_, _>>())
            }
        };
        let keys = [KEY.to_owned()];
        let mut got = rows.get_many_or_extend(&keys, Batch::default(), covers, fill).await;
        got.remove(0).unwrap().len()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c08_what_was_read_before_does_not_replace_what_has_been_shown() {
    let dir = tempfile::tempdir().unwrap();
    for builder in [Spence::builder(), Spence::builder().no_memory().disk(dir.path(), 16_000_000)] {
        let server = RedisServer::start();
        let (one, other) = (node(&server, builder).await, node(&server, Spence::builder()).await);
        let held_back = HeldBack::default();
        let readers = Arc::clone(&held_back.0);
        let rows = one.cache("rows").codec(held_back).build().unwrap();
        let (gate, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1)));
        // The other node fetches one row; this one wants two and waits for it.
        let rows_of_other = other.cache("rows").codec(HeldBack::default()).build().unwrap();
        let filling = first(&rows_of_other, 1, &gate);
        until("leased", async || server.command(&["EXISTS", "spence:{rows:key}:l"]) == ":1").await;
        let asked = calls(&server, "evalsha");
        let growing = first(&rows, 2, &open);
        until("all wait", async || calls(&server, "evalsha") > asked + 5).await;
        gate.add_permits(1);
        assert_eq!(filling.await.unwrap(), 1);
        readers.have_read(1).await;
        // Somebody else reads the one row too, and is slow.
        let (key, slow) = (KEY.to_owned(), rows.clone());
        let slow = tokio::spawn(async move { slow.get(&key).await.map(|held| held.len()) });
        readers.have_read(2).await;
        readers.let_through(1);
        assert_eq!(growing.await.unwrap(), 2);
        readers.let_through(u32::MAX);
        assert!(slow.await.unwrap().is_some());
        assert_eq!(rows.get(&KEY.to_owned()).await.unwrap().len(), 2);
        one.close().await;
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c08_of_two_that_were_read_at_once_the_older_does_not_come_last() {
    let dir = tempfile::tempdir().unwrap();
    for builder in [Spence::builder(), Spence::builder().no_memory().disk(dir.path(), 16_000_000)] {
        let server = RedisServer::start();
        let (one, other) = (node(&server, builder).await, node(&server, Spence::builder()).await);
        let held_back = HeldBack::default();
        let readers = Arc::clone(&held_back.0);
        let rows = one.cache("rows").codec(held_back).build().unwrap();
        let not_held_back = HeldBack::default();
        not_held_back.0.let_through(u32::MAX);
        let rows_of_other = other.cache("rows").codec(not_held_back).build().unwrap();
        let open = Arc::new(Semaphore::new(2));
        let mut reading = vec![];
        for grown in 1..=2 {
            assert_eq!(first(&rows_of_other, grown, &open).await.unwrap() as u32, grown);
            let rows = rows.clone();
            reading.push(tokio::spawn(async move { rows.get(&KEY.to_owned()).await }));
            readers.have_read(grown).await;
        }
        let mut shown = 0;
        for (let_through, reading) in (1..).zip(reading) {
            readers.let_through(let_through);
            let held = reading.await.unwrap().unwrap().len();
            assert!(held >= shown, "{held} after {shown}");
            shown = held;
        }
        readers.let_through(u32::MAX);
        assert!(rows.get(&KEY.to_owned()).await.unwrap().len() >= shown);
        one.close().await;
        other.close().await;
    }
}
