//! `#[spence::cached]`. Use it through the crate `spence`, where it is documented.
//!
//! The way of a function through here: `arguments.rs` reads what stands in the attribute,
//! `function.rs` what stands under it, `template.rs` the texts with `{placeholders}`; `expand.rs`
//! writes the function anew, with its companions beside it.

mod arguments;
mod expand;
mod function;
mod template;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

/// Keeps a function's results in a cache; documented as `spence::cached`.
#[proc_macro_attribute]
pub fn cached(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(attribute as arguments::Arguments);
    let item = parse_macro_input!(item as ItemFn);
    let expanded = function::Function::read(item, &arguments)
        .map(|function| expand::expand(&function, &arguments));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
