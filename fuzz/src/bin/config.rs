//! `spence.yaml`: whatever stands in it, it is read or refused in words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spence_config::{Layer, Sources};

fuzz_target!(|text: &str| {
    let file = match Layer::from_yaml(text, "spence.yaml") {
        Ok(file) => file,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let profiles: Vec<_> = file.profiles.keys().cloned().map(Some).collect();
    for profile in profiles.into_iter().chain([None]).take(4) {
        let sources = Sources { file: Some(file.clone()), profile, ..Sources::default() };
        match sources.resolve() {
            Ok(settings) => drop(settings.engine()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
