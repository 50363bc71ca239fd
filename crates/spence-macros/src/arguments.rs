//! What stands in the attribute: `cache`, `key`, `tags`, and the settings of a named cache.

use std::time::Duration;

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Result, Token, bracketed};

use crate::template::Template;

const KNOWN: &str = "`cache`, `key`, `tags`, `schema`, `memory_only`, `associated`, `ttl`, \
                     `negative_ttl`, `stale_while_revalidate` or `stale_if_error`";

/// The durations that a named cache can be given, as `PolicyLayer` calls them.
const DURATIONS: [&str; 4] = ["ttl", "negative_ttl", "stale_while_revalidate", "stale_if_error"];

/// The longest name of a cache, as `spence::MAX_NAMESPACE_BYTES` says.
const MAX_NAME_BYTES: usize = 64;

/// The whole attribute.
pub(crate) struct Arguments {
    pub(crate) cache: Cache,
    pub(crate) key: Option<Key>,
    pub(crate) tags: Vec<Template>,
    pub(crate) schema: Option<Expr>,
    pub(crate) memory_only: bool,
    /// The function stands in an `impl` without taking `self`.
    pub(crate) associated: bool,
    pub(crate) durations: Vec<(Ident, Duration)>,
}

/// Where the values are kept.
pub(crate) enum Cache {
    /// In the cache of this name, on the process's engine.
    Named(LitStr),
    /// In this one.
    Given(Expr),
}

/// Under which key.
pub(crate) enum Key {
    Template(Template),
    Given(Expr),
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut cache = None;
        let mut read = Self {
            cache: Cache::Named(LitStr::new("", Span::call_site())),
            key: None,
            tags: Vec::new(),
            schema: None,
            memory_only: false,
            associated: false,
            durations: Vec::new(),
        };
        let mut seen = Vec::new();
        // What can be said of a cache only where it is built.
        let mut of_named = None;
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if seen.contains(&name) {
                return Err(Error::new(name.span(), format!("`{name}` is given twice")));
            }
            let text = name.to_string();
            match text.as_str() {
                "cache" => cache = Some(parse_cache(input)?),
                "key" => read.key = Some(parse_key(input)?),
                "tags" => read.tags = parse_tags(input)?,
                "schema" => read.schema = Some(value(input)?),
                "memory_only" => read.memory_only = true,
                "associated" => read.associated = true,
                known if DURATIONS.contains(&known) => {
                    read.durations.push((name.clone(), parse_duration(input)?));
                }
                _ => {
                    let message = format!("`{name}` is not known here; expected {KNOWN}");
                    return Err(Error::new(name.span(), message));
                }
            }
            if DURATIONS.contains(&text.as_str()) || text == "schema" || text == "memory_only" {
                of_named.get_or_insert_with(|| name.clone());
            }
            seen.push(name);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = "say where the values are kept: `cache = \"name\"`, or `cache = ` and an \
                       expression that is a `Cache<String, _>`";
        read.cache = cache.ok_or_else(|| Error::new(Span::call_site(), missing))?;
        if let (Cache::Given(_), Some(name)) = (&read.cache, of_named) {
            let message = format!(
                "`{name}` is for a cache that is named; set it where this one \
                                   is built"
            );
            return Err(Error::new(name.span(), message));
        }
        Ok(read)
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn parse_cache(input: ParseStream<'_>) -> Result<Cache> {
    Ok(match value(input)? {
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => {
            let text = name.value();
            let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if !(1..=MAX_NAME_BYTES).contains(&text.len()) || !text.chars().all(fine) {
                let message = format!(
                    "the name of a cache is 1 to {MAX_NAME_BYTES} letters, digits, `_`, `-` and `.`"
                );
                return Err(Error::new(name.span(), message));
            }
            Cache::Named(name)
        }
        given => Cache::Given(given),
    })
}

fn parse_key(input: ParseStream<'_>) -> Result<Key> {
    Ok(match value(input)? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let template = Template::parse(&text)?;
            template.check_is_key(&text)?;
            Key::Template(template)
        }
        given => Key::Given(given),
    })
}

fn parse_tags(input: ParseStream<'_>) -> Result<Vec<Template>> {
    input.parse::<Token![=]>()?;
    let content;
    bracketed!(content in input);
    let texts = content.parse_terminated(|input| input.parse::<LitStr>(), Token![,])?;
    texts.iter().map(Template::parse).collect()
}

fn parse_duration(input: ParseStream<'_>) -> Result<Duration> {
    let text: LitStr = value(input)?;
    humantime::parse_duration(&text.value()).map_err(|error| {
        Error::new(text.span(), format!("{error}; expected a duration such as \"5m\" or \"30s\""))
    })
}
