//! Texts with placeholders: `"{symbol}:{window}"`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Error, Expr, LitStr, Result};

/// `quote::quote`, with local names that do not meet those of the function.
macro_rules! quote {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}
pub(crate) use quote;

/// A text, taken to pieces.
pub(crate) struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    Value(Box<Expr>),
}

impl Template {
    /// `{expression}` is a placeholder; `{{` and `}}` are braces.
    pub(crate) fn parse(literal: &LitStr) -> Result<Self> {
        let wrong = |message: String| Err(Error::new(literal.span(), message));
        let text = literal.value();
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                plain.extend(from.chars().next());
                rest = after;
                continue;
            }
            let Some((inside, after)) = from.strip_prefix('{').and_then(|s| s.split_once('}'))
            else {
                return wrong(format!("a brace in {text:?} has no other; write `{{{{` for `{{`"));
            };
            let Ok(value) = LitStr::new(inside, literal.span()).parse() else {
                return wrong(format!(
                    "`{{{inside}}}` is no expression; format specifications \
                                      are not known here"
                ));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Value(Box::new(value)));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The values, joined by colons.
    pub(crate) fn joined(values: impl IntoIterator<Item = Expr>) -> Self {
        let mut pieces = Vec::new();
        for value in values {
            if !pieces.is_empty() {
                pieces.push(Piece::Text(":".to_owned()));
            }
            pieces.push(Piece::Value(Box::new(value)));
        }
        Self(pieces)
    }

    /// Different values must make different keys. Colons inside of values are escaped, so a colon
    /// between any two is enough.
    pub(crate) fn check_is_key(&self, literal: &LitStr) -> Result<()> {
        let mut separated = true;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => separated |= text.contains(':'),
                Piece::Value(_) if separated => separated = false,
                Piece::Value(_) => {
                    let message = "two placeholders without a `:` between them could make one \
                                   key of different values";
                    return Err(Error::new(literal.span(), message));
                }
            }
        }
        if self.0.is_empty() {
            return Err(Error::new(literal.span(), "a key cannot be empty"));
        }
        Ok(())
    }

    /// An expression that is the key, a `String`.
    pub(crate) fn key(&self) -> TokenStream {
        let values = self.0.iter().filter(|piece| matches!(piece, Piece::Value(_))).count();
        let push = if values > 1 { quote!(push_part) } else { quote!(push) };
        self.text(&push)
    }

    /// An expression that is the text, a `String`.
    pub(crate) fn plain(&self) -> TokenStream {
        self.text(&quote!(push))
    }

    fn text(&self, push: &TokenStream) -> TokenStream {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => quote!(text.push_str(#text);),
            Piece::Value(value) => {
                // What cannot stand in a text is the value's fault.
                let at = Span::mixed_site().located_at(value.span());
                let value = quote_spanned!(at=> &#value);
                quote!(::spence::macros::#push(&mut text, #value);)
            }
        });
        quote!({
            let mut text = ::std::string::String::new();
            #(#pieces)*
            text
        })
    }
}
