//! The stores, each in a directory of its own.

use std::path::Path;

use bytes::Bytes;
use spence::unstable::BareStore;
use spence::{Cache, PolicyLayer, Raw, Spence};
use tokio::runtime::Runtime;

/// Room for everything that a bench puts in.
pub const AMPLE: u64 = 8_000_000_000;

pub fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Spence with its disk tier alone, as applications call it.
pub async fn cache(dir: &Path, budget: u64) -> anyhow::Result<(Spence, Cache<String, Bytes>)> {
    let policy = PolicyLayer::new().ttl(std::time::Duration::from_secs(86_400));
    let builder = Spence::builder().no_memory().disk(dir, budget).no_compression();
    let spence = builder.policy("bench", policy).build().await?;
    let cache = spence.cache("bench").codec(Raw).build()?;
    Ok((spence, cache))
}

pub fn bare(dir: &Path) -> anyhow::Result<BareStore> {
    Ok(BareStore::open(dir, AMPLE)?)
}

/// LMDB.
pub struct Heed {
    env: heed::Env,
    database: heed::Database<heed::types::Str, heed::types::Bytes>,
}

impl Heed {
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let mut options = heed::EnvOpenOptions::new();
        options.map_size(AMPLE as usize);
        #[expect(unsafe_code, reason = "heed's map must not be changed by others: none knows it")]
        let env = unsafe {
            options.flags(heed::EnvFlags::NO_SYNC);
            options.open(dir)?
        };
        let mut transaction = env.write_txn()?;
        let database = env.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Self { env, database })
    }

    pub fn put(&self, key: &str, value: &[u8]) -> anyhow::Result<()> {
        let mut transaction = self.env.write_txn()?;
        self.database.put(&mut transaction, key, value)?;
        Ok(transaction.commit()?)
    }

    /// A copy of the value, as every store hands out.
    pub fn get(&self, key: &str) -> anyhow::Result<Option<Bytes>> {
        let transaction = self.env.read_txn()?;
        Ok(self.database.get(&transaction, key)?.map(Bytes::copy_from_slice))
    }
}

pub struct Fjall {
    _database: fjall::Database,
    keyspace: fjall::Keyspace,
}

impl Fjall {
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let database = fjall::Database::builder(dir).open()?;
        let options = || {
            fjall::KeyspaceCreateOptions::default()
                .data_block_compression_policy(fjall::config::CompressionPolicy::disabled())
        };
        let keyspace = database.keyspace("bench", options)?;
        Ok(Self { _database: database, keyspace })
    }

    pub fn put(&self, key: &str, value: &[u8]) -> anyhow::Result<()> {
        Ok(self.keyspace.insert(key, value)?)
    }

    pub fn get(&self, key: &str) -> anyhow::Result<Option<Bytes>> {
        Ok(self.keyspace.get(key)?.map(|value| Bytes::copy_from_slice(&value)))
    }
}

/// Bytes that nothing can compress.
pub fn value(bytes: usize, seed: u64) -> Bytes {
    use rand::{RngCore, SeedableRng};
    let mut value = vec![0; bytes];
    rand::rngs::SmallRng::seed_from_u64(seed).fill_bytes(&mut value);
    value.into()
}
