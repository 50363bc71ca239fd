//! What cannot change while a process runs.

use crate::settings::Settings;

impl Settings {
    /// The settings in which `other` differs and that take a restart: all but `memory.budget` and
    /// what is in policies.
    #[must_use]
    pub fn differing_until_restart(&self, other: &Self) -> Vec<&'static str> {
        let mut names = Vec::new();
        macro_rules! compare {
            ($old:expr, $new:expr, $section:literal: $($field:ident)*) => {
                $(if $old.$field != $new.$field {
                    names.push(concat!($section, ".", stringify!($field)));
                })*
            };
        }
        match (&self.memory, &other.memory) {
            (Some(old), Some(new)) => {
                compare!(old, new, "memory": eviction max_entries);
            }
            (None, None) => {}
            _ => names.push("memory.enabled"),
        }
        match (&self.disk, &other.disk) {
            (Some(old), Some(new)) => {
                compare!(old, new, "disk": dir budget compression durability deadline);
            }
            (None, None) => {}
            _ => names.push("disk.enabled"),
        }
        compare!(self.server, other.server, "server": listen token allow_origins max_body);
        compare!(self.market, other.market, "market": base_url api_key calls_per_minute);
        names
    }
}
