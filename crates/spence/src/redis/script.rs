//! The steps of the protocol that must be one: Lua scripts, each with what it is given and what it
//! answers. docs/redis.md describes what lies where.
//!
//! Scripts are loaded when a connection is made. Those that only forget or note may run in a full
//! Redis (`allow-oom`, from 7.0 on), so that nothing is kept for want of memory to forget it.

use redis::Cmd;

/// A script, loaded under its digest.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) code: String,
    digest: String,
}

impl Script {
    fn new(code: String) -> Self {
        let digest = redis::Script::new(&code).get_hash().to_owned();
        Self { code, digest }
    }

    /// A call; `keys`, then the arguments, are still to be added.
    pub(super) fn call(&self, keys: &[&str]) -> Cmd {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg(&self.digest).arg(keys.len()).arg(keys);
        cmd
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Scripts {
    /// Keys state, log. Arguments: an epoch, the id of the newest record that the node knows of
    /// (or nothing). Answers the state as it is, the last record, and the node's record if it is
    /// there still.
    pub(super) join: Script,
    /// Key state. Arguments: a position, a turn. Neither counter is below these afterwards.
    pub(super) raise: Script,
    /// Keys value, lease, state. Arguments: a token, its milliseconds, the first bytes of a value
    /// that is not good enough (or nothing), whether to take it from whoever has it (`1`).
    pub(super) lease: Script,
    /// The first half of `lease`, where the state is on another server: keys value, lease. Answers
    /// `held`, `busy` or the value.
    pub(super) hold: Script,
    /// The second half: key state. Argument: whether the lease is held (`1`).
    pub(super) draw: Script,
    /// Key lease. Arguments: the token, milliseconds. Whether the lease was held still.
    pub(super) renew: Script,
    /// Keys value, lease. Arguments: the token, the value, its milliseconds. `1` if it was taken,
    /// `2` if an insert of another node has the lease (what is there is older than both, and is
    /// deleted), `0` if the lease is lost otherwise.
    pub(super) store: Script,
    /// Keys value, lease. Arguments: the token, whether the value goes too (`1`).
    pub(super) release: Script,
    /// Keys value, lease, state, log. Arguments: the token, the value, its milliseconds, then as
    /// for `forget`. As `store`, and the others are told.
    pub(super) put: Script,
    /// Keys state, log, and those to delete. Arguments: an epoch, the node, a record, the moment that
    /// belongs to it, the most records, the field of a ban (or nothing), whether the ban makes all
    /// others needless (`1`). Answers epoch, position, the record's id and the number of fields.
    pub(super) forget: Script,
}

/// Lets a script write in a full Redis.
const ALLOW_OOM: &str = "#!lua flags=allow-oom\n";

/// Appends a record, whose place among `ARGV` begins after `offset`, to the log.
fn publish(state: &str, log: &str, offset: usize) -> String {
    let [epoch, node, record, at_ms, most, field, all] = std::array::from_fn(|i| offset + i + 1);
    format!(
        "redis.call('HSETNX', {state}, 'epoch', ARGV[{epoch}])
local seq = redis.call('HINCRBY', {state}, 'seq', 1)
if ARGV[{all}] == '1' then
  for _, field in ipairs(redis.call('HKEYS', {state})) do
    if string.sub(field, 1, 1) == 'b' then redis.call('HDEL', {state}, field) end
  end
end
if ARGV[{field}] ~= '' then
  redis.call('HSET', {state}, ARGV[{field}], seq .. ' ' .. ARGV[{at_ms}])
end
local id = redis.call('XADD', {log}, 'MAXLEN', '~', ARGV[{most}], '*',
  's', seq, 'n', ARGV[{node}], 'r', ARGV[{record}], 'a', ARGV[{at_ms}])
return {{redis.call('HGET', {state}, 'epoch'), seq, id, redis.call('HLEN', {state})}}"
    )
}

const JOIN: &str = "redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local known = {}
if ARGV[2] ~= '' then known = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) end
return {redis.call('HGETALL', KEYS[1]), last, known}";

const RAISE: &str = "local now = redis.call('HMGET', KEYS[1], 'seq', 'turn')
if tonumber(now[1] or '0') < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'seq', ARGV[1])
end
if tonumber(now[2] or '0') < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'turn', ARGV[2])
end
return 1";

/// Takes the lease of a key, unless somebody else has it or a value is there.
const HOLD: &str = "local function hold(value, lease)
  if ARGV[4] == '1' then
    redis.call('SET', lease, ARGV[1], 'PX', ARGV[2])
    return {'held'}
  end
  local there = redis.call('GET', value)
  if there and string.sub(there, 1, 8) ~= ARGV[3] then return {'value', there} end
  if not redis.call('SET', lease, ARGV[1], 'NX', 'PX', ARGV[2]) then return {'busy'} end
  return {'held'}
end
";

/// Gives a lease its number, or says the last one.
const DRAW: &str = "local function draw(state, held)
  local now = redis.call('HMGET', state, 'epoch', 'seq', 'turn')
  if not now[1] then return {'lost'} end
  if not held then return {'busy', now[3] or '0'} end
  return {'leased', now[1], now[2] or '0', redis.call('HINCRBY', state, 'turn', 1)}
end
";

const LEASE: &str = "local held = hold(KEYS[1], KEYS[2])
if held[1] == 'value' then return held end
return draw(KEYS[3], held[1] == 'held')";

const RENEW: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

const STORE: &str = "local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] then
  if not holder or string.sub(holder, 1, 1) ~= '!' then return 0 end
  redis.call('DEL', KEYS[1])
  return 2
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
";

const RELEASE: &str = "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[2] == '1' then redis.call('DEL', KEYS[1]) end
return redis.call('DEL', KEYS[2])";

impl Scripts {
    pub(super) fn new(version: Version) -> Self {
        let in_full = |code: &str| match version.has_script_flags() {
            true => Script::new(format!("{ALLOW_OOM}{code}")),
            false => Script::new(code.to_owned()),
        };
        let delete = "for i = 3, #KEYS do redis.call('DEL', KEYS[i]) end\n";
        Self {
            join: in_full(JOIN),
            raise: in_full(RAISE),
            lease: in_full(&format!("{HOLD}{DRAW}{LEASE}")),
            hold: in_full(&format!("{HOLD}return hold(KEYS[1], KEYS[2])")),
            draw: in_full(&format!("{DRAW}return draw(KEYS[1], ARGV[1] == '1')")),
            renew: in_full(RENEW),
            store: Script::new(format!("{STORE}return 1")),
            release: in_full(RELEASE),
            put: Script::new(format!("{STORE}{}", publish("KEYS[3]", "KEYS[4]", 3))),
            forget: in_full(&format!("{delete}{}", publish("KEYS[1]", "KEYS[2]", 0))),
        }
    }

    pub(super) fn all(&self) -> [&Script; 10] {
        let Self { join, raise, lease, hold, draw, renew, store, release, put, forget } = self;
        [join, raise, lease, hold, draw, renew, store, release, put, forget]
    }
}

/// A server's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Version {
    /// The oldest that has what the protocol needs.
    pub(super) const OLDEST: Self = Self { major: 6, minor: 2 };

    /// Of a text such as `7.0.15`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::parse);
        Some(Self { major: parts.next()?.ok()?, minor: parts.next()?.ok()? })
    }

    fn has_script_flags(self) -> bool {
        self.major >= 7
    }
}

/// The scripts by name, as a server of version 7 gets them. For benches that issue them raw.
#[must_use]
pub fn redis_scripts() -> Vec<(&'static str, String)> {
    let Scripts { join, raise, lease, hold, draw, renew, store, release, put, forget } =
        Scripts::new(Version { major: 7, minor: 0 });
    let scripts = [
        ("join", join),
        ("raise", raise),
        ("lease", lease),
        ("hold", hold),
        ("draw", draw),
        ("renew", renew),
        ("store", store),
        ("release", release),
        ("put", put),
        ("forget", forget),
    ];
    scripts.into_iter().map(|(name, script)| (name, script.code)).collect()
}
