//! What things are called in Redis.
//!
//! A key's value and lease have the namespace and the key between braces, so that a cluster keeps
//! both in one slot. What all keys share lies in another. Namespaces have no braces and no colon,
//! so no key can have the name of what is shared.

/// The names under one prefix.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    /// The hash of epoch, counters and bans.
    pub(super) state: String,
    /// The stream of what was invalidated.
    pub(super) log: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            state: format!("{prefix}:{{log}}:state"),
            log: format!("{prefix}:{{log}}:stream"),
        }
    }

    pub(super) fn value(&self, namespace: &str, key: &str) -> String {
        let mut name = String::new();
        self.write_value(namespace, key, &mut name);
        name
    }

    /// [`Names::value`], in the place of what `name` was.
    pub(super) fn write_value(&self, namespace: &str, key: &str, name: &mut String) {
        self.write(namespace, key, "}:v", name);
    }

    pub(super) fn lease(&self, namespace: &str, key: &str) -> String {
        let mut name = String::new();
        self.write(namespace, key, "}:l", &mut name);
        name
    }

    fn write(&self, namespace: &str, key: &str, end: &str, name: &mut String) {
        name.clear();
        name.reserve(self.prefix.len() + namespace.len() + key.len() + 6);
        for part in [&self.prefix, ":{", namespace, ":", key, end] {
            name.push_str(part);
        }
    }
}
