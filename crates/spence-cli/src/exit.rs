//! Exit codes, and errors as one line on standard error.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use spence_config::ConfigError;
use spence_server::StartError;

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Nothing is held, or exists, under that name.
    NothingThere = 1,
    /// The arguments make no sense.
    WrongUsage = 2,
    /// The input was refused.
    Refused = 3,
    /// The origin failed.
    Origin = 4,
    /// The server or the disk could not be used.
    Unavailable = 5,
    /// A bug.
    Internal = 70,
    /// It was stopped by Ctrl-C or SIGTERM before it was done.
    Stopped = 130,
}

/// An error with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn error(code: Code, message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self { code, message: message.into() })
    }

    /// A failure that the service answered with this status.
    pub(crate) fn of_status(status: u16, message: impl Into<String>) -> anyhow::Error {
        let code = match status {
            404 => Code::NothingThere,
            400..=499 => Code::Refused,
            502 | 504 => Code::Origin,
            503 => Code::Unavailable,
            _ => Code::Internal,
        };
        Self::error(code, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Prints the error and gives its exit code.
pub(crate) fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let code = code_of(error) as u8;
    let message = format!("{error:#}");
    match json {
        true => complain(&serde_json::json!({ "error": message, "exit_code": code }).to_string()),
        false => complain(&format!("spence: {message}")),
    }
    ExitCode::from(code)
}

/// Prints help and version, which clap reports as errors; and what is wrong with the arguments, as
/// one line.
pub(crate) fn wrong_usage(error: &clap::Error) -> ExitCode {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help || !error.use_stderr() {
        error.exit();
    }
    let text = error.render().to_string();
    let what = text.split("\n\nUsage:").next().unwrap_or_default();
    let what = what.split("\n\nFor more information").next().unwrap_or_default();
    let what: Vec<_> = what.split_whitespace().collect();
    let what = what.join(" ").replace(" tip: ", "; ").trim_start_matches("error: ").to_owned();
    // The arguments could not be read, so whether JSON was asked for is not known from them.
    let json = std::env::args_os().any(|argument| argument == "--json");
    report(&Failure::error(Code::WrongUsage, format!("{what}; try --help")), json)
}

/// Prints a line to standard error; if nobody can read it, so be it.
pub(crate) fn complain(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").unwrap_or(());
}

fn code_of(error: &anyhow::Error) -> Code {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        failure.code
    } else if error.is::<ConfigError>() {
        Code::Refused
    } else if let Some(StartError::Engine(error)) = error.downcast_ref::<StartError>() {
        match error.kind() {
            spence::ErrorKind::InvalidArgument => Code::Refused,
            _ => Code::Unavailable,
        }
    } else if error.is::<StartError>() || error.is::<std::io::Error>() {
        Code::Unavailable
    } else {
        Code::Internal
    }
}
