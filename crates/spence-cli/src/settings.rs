//! The settings of a command: file, profile, environment, flags.

use std::path::Path;

use spence_config::{Layer, PREFIX, Settings, Sources};

use crate::args::Common;
use crate::exit::{Code, Failure};

/// Where the file is looked for when none is named.
const DEFAULT_FILE: &str = "spence.yaml";

/// Reads all sources.
pub(crate) fn load(common: &Common) -> anyhow::Result<Settings> {
    load_with(common, Layer::default())
}

/// Reads all sources; `flags` goes before all.
pub(crate) fn load_with(common: &Common, flags: Layer) -> anyhow::Result<Settings> {
    Ok(sources_with(common, flags)?.resolve()?)
}

/// All sources, as they are.
pub(crate) fn sources(common: &Common) -> anyhow::Result<Sources> {
    sources_with(common, Layer::default())
}

fn sources_with(common: &Common, flags: Layer) -> anyhow::Result<Sources> {
    let file = match &common.config {
        Some(path) => Some(Layer::from_file(path)?),
        None if Path::new(DEFAULT_FILE).exists() => Some(Layer::from_file(DEFAULT_FILE.as_ref())?),
        None => None,
    };
    let known = file.clone().unwrap_or_default();
    Ok(Sources {
        file,
        profile: common.profile.clone(),
        environment: std::env::vars_os().filter_map(spence_variable).collect::<Result<_, _>>()?,
        flags: flags.over(set(&common.set, &known)?),
    })
}

/// `--set a.b=c` is `SPENCE__A__B=c`.
fn set(settings: &[String], known: &Layer) -> anyhow::Result<Layer> {
    let mut layer = Layer::default();
    for setting in settings {
        let refuse = |why: &str| Failure::error(Code::Refused, format!("--set {setting}: {why}"));
        let (path, value) = setting
            .split_once('=')
            .ok_or_else(|| refuse("expected KEY=VALUE, as in memory.budget=200MB"))?;
        if path.is_empty() {
            return Err(refuse("expected KEY=VALUE, as in memory.budget=200MB"));
        }
        let name = format!("{PREFIX}{}", path.replace('.', "__"));
        let one = Layer::from_environment([(name.clone(), value.to_owned())], known).map_err(
            |error| {
                let message = error.to_string();
                refuse(message.strip_prefix(&format!("{name}: ")).unwrap_or(&message))
            },
        )?;
        layer = one.over(layer);
    }
    Ok(layer)
}

/// A variable of ours, which must then be text.
fn spence_variable(
    (name, value): (std::ffi::OsString, std::ffi::OsString),
) -> Option<anyhow::Result<(String, String)>> {
    let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
    let refused = |_| Failure::error(Code::Refused, format!("{name}: is not UTF-8"));
    Some(value.into_string().map_err(refused).map(|value| (name, value)))
}
