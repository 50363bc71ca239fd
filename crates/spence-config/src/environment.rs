//! Settings from the environment: `SPENCE__SECTION__KEY=value`.

use crate::load::ConfigError;
use crate::model::Layer;

/// What the names of such variables begin with.
pub const PREFIX: &str = "SPENCE__";

impl Layer {
    /// Reads a layer from environment variables; others than `SPENCE__...` are skipped.
    ///
    /// Names of sections and keys are lower-cased. The name of a policy or a provider is
    /// matched, whatever its case, against those in `known`; that of a new policy is taken as
    /// written.
    ///
    /// # Errors
    /// The variable, and what is wrong with its value.
    pub fn from_environment(
        variables: impl IntoIterator<Item = (String, String)>,
        known: &Layer,
    ) -> Result<Self, ConfigError> {
        let mut layer = Layer::default();
        for (name, value) in variables {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let path: Vec<String> = path.split("__").map(str::to_owned).collect();
            let path = spelled(path, known);
            let bad_key = |key: &String| {
                key.is_empty()
                    || !key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            };
            if let Some(key) = path.iter().find(|key| bad_key(key)) {
                return Err(ConfigError::new(format!(
                    "{name}: {key:?} names no setting: letters, digits, `_`, `-` and `.` do"
                )));
            }
            if value.contains(['\n', '\r']) {
                return Err(ConfigError::new(format!("{name}: has more than one line")));
            }
            if value.trim().is_empty() {
                // A variable of a script that was never set, most likely.
                let message = format!("{name}: is empty; give it a value, or unset it");
                return Err(ConfigError::new(message));
            }
            let one = Layer::from_value(&path, &value)
                .map_err(|message| ConfigError::new(format!("{name}: {message}")))?;
            layer = one.over(layer);
        }
        Ok(layer)
    }
}

/// The path as a file would spell it.
fn spelled(path: Vec<String>, known: &Layer) -> Vec<String> {
    let section = path.first().map(|section| section.to_ascii_lowercase());
    let (is_policy, is_provider) =
        (section.as_deref() == Some("policies"), section.as_deref() == Some("providers"));
    let spell = |(depth, key): (usize, String)| {
        let same = |name: &&String| name.eq_ignore_ascii_case(&key);
        match depth {
            1 if is_policy => known.policies.keys().find(same).cloned().unwrap_or(key),
            1 if is_provider => {
                let known = known.providers.keys().find(same).cloned();
                known.unwrap_or_else(|| key.to_ascii_lowercase())
            }
            // The types of data that `series` names.
            3 if is_provider => key.to_ascii_uppercase(),
            _ => key.to_ascii_lowercase(),
        }
    };
    path.into_iter().enumerate().map(spell).collect()
}
