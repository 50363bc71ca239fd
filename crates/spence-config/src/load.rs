//! Reading YAML: the only file that names the parser.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::model::Layer;

/// What is wrong with the configuration, where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Reads YAML; `name` is what errors call the source.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let message = error.to_string().replace("<input>", name);
        // Advice to whoever wrote the reader, not to whoever wrote the file.
        let message = message.replace(", set DuplicateKeyPolicy in Options if acceptable", "");
        let several = "use from_str_multiple or from_str_multiple_with_options";
        let message = message.replace(several, "expected one document, without `---`");
        ConfigError::new(message.trim_end())
    })
}

impl Layer {
    /// Reads a layer from YAML; `name` is what errors call the source.
    ///
    /// # Errors
    /// What is wrong, with the line and a caret.
    pub fn from_yaml(text: &str, name: &str) -> Result<Self, ConfigError> {
        let layer: Self = parse(text, name)?;
        match layer.profiles.iter().find(|(_, profile)| !profile.profiles.is_empty()) {
            Some((profile, _)) => Err(ConfigError::new(format!(
                "{name}: profiles.{profile}: a profile cannot have profiles of its own"
            ))),
            None => Ok(layer),
        }
    }

    /// Reads a layer from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or as for [`Layer::from_yaml`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::new(format!("read {name}: {error}")))?;
        Self::from_yaml(&text, &name)
    }

    /// Reads one value at a path of keys, as the environment gives it. The message names neither.
    pub(crate) fn from_value(path: &[String], value: &str) -> Result<Self, String> {
        let nested = |value: &str| {
            let mut text = String::new();
            for (depth, key) in path.iter().enumerate() {
                text.push_str(&format!("{}{key}:\n", "  ".repeat(depth)));
            }
            text.pop();
            format!("{text} {value}\n")
        };
        // As YAML first, so that `{ open: 5m, closed: 24h }` and `true` mean what they do in a
        // file; as text if that fails, since a key or URL may be no YAML at all.
        let quoted = format!("'{}'", value.replace('\'', "''"));
        let plain = serde_saphyr::from_str(&nested(value));
        plain.or_else(|error| {
            serde_saphyr::from_str(&nested(&quoted))
                .map_err(|_| without_place(&error.without_snippet().to_string()))
        })
    }
}

/// The message without its "at line 2, column 11", which means nothing outside of a file.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}
