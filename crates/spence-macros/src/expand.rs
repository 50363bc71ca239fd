//! The function anew, and its companions: `key`, `uncached`, `cached`, `invalidate`.
//!
//! Companions of a free function `name` are associated functions of an empty type `name`; those
//! of a method stand beside it as `name_key` and so on, since nothing else can stand in an `impl`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Ident, Pat, Signature};

use crate::arguments::{Arguments, Cache, Key};
use crate::function::{Function, Place, as_value};
use crate::template::{Template, quote};

/// The companions that the attribute makes.
const KEY: &str = "key";
const UNCACHED: &str = "uncached";
const CACHED: &str = "cached";
const INVALIDATE: &str = "invalidate";

pub(crate) fn expand(function: &Function, attribute: &Arguments) -> TokenStream {
    let name = &function.item.sig.ident;
    let vis = &function.item.vis;
    let wrapper = wrapper(function);
    let companions = [
        Some(key(function, attribute)),
        Some(uncached(function)),
        Some(cached(function, attribute)),
        Some(invalidate(function, attribute)),
        named(function, attribute),
    ];
    let companions = companions.into_iter().flatten();
    let cfgs = kept(&function.item.attrs, &["cfg"]);
    match function.place {
        Place::Free => {
            let doc = format!("What goes with [`{name}()`].");
            quote! {
                #wrapper
                #(#cfgs)*
                #[doc = #doc]
                #[allow(non_camel_case_types, reason = "it is named as its function")]
                #[derive(Debug)]
                #vis enum #name {}
                #(#cfgs)*
                #[allow(dead_code, reason = "made whether it is needed or not")]
                impl #name { #(#companions)* }
            }
        }
        Place::Associated | Place::Method { .. } => quote! { #wrapper #(#companions)* },
    }
}

/// The function as it is called: the value, cloned out of the cache.
fn wrapper(function: &Function) -> TokenStream {
    let attrs = but(&function.item.attrs, &["expect"]);
    let (vis, sig) = (&function.item.vis, without_mut(&function.item.sig));
    let call = call(function, CACHED, &names(function));
    let wait = wait(function);
    let answer = match function.optional {
        Some(_) => quote!(::spence::macros::optional(hit)),
        None => quote!(hit),
    };
    let clone = match function.optional {
        Some(_) => quote!(answer.map(|hit| hit.map(|hit| ::core::clone::Clone::clone(&*hit)))),
        None => quote!(answer.map(|hit| ::core::clone::Clone::clone(&*hit))),
    };
    quote! {
        #(#attrs)*
        #vis #sig {
            let hit = #call #wait;
            let answer = #answer;
            #clone.map_err(::core::convert::From::from)
        }
    }
}

fn key(function: &Function, attribute: &Arguments) -> TokenStream {
    let mut sig = companion(function, KEY);
    sig.asyncness = None;
    sig.output = syn::parse_quote!(-> ::std::string::String);
    let key = key_text(function, attribute);
    define(function, "The key under which the value for these arguments is kept.", &sig, &key)
}

fn uncached(function: &Function) -> TokenStream {
    let sig = companion(function, UNCACHED);
    let statements = &function.item.block.stmts;
    let own = kept(&function.item.attrs, &["expect"]);
    let doc = "The function itself, without the cache.";
    let arguments = names(function);
    // Some are there for the key or the cache alone.
    let body = quote!(#(let _ = &#arguments;)* #(#statements)*);
    let body = defined(function, doc, &sig, &body);
    quote!(#(#own)* #body)
}

fn cached(function: &Function, attribute: &Arguments) -> TokenStream {
    let mut sig = companion(function, CACHED);
    let value = value_type(function);
    sig.output = syn::parse_quote! {
        -> ::core::result::Result<::spence::Cached<#value>, ::spence::Error>
    };
    let (cache, key) = (cache(function, attribute), key_text(function, attribute));
    let (own, pass) = lend(function);
    let (uncached, wait) = (call(function, UNCACHED, &pass), wait(function));
    let tags = attribute.tags.iter().map(Template::plain);
    let fill = match function.optional {
        Some(_) => quote!(fill_or_nothing),
        None => quote!(fill),
    };
    // While the arguments are still the caller's.
    let tags = quote!(let tags = ::std::vec![#(#tags),*];);
    let work = quote! {
        let result = #uncached #wait;
        result.map(|value| ::spence::macros::#fill(value).tags::<::std::string::String>(tags))
    };
    let ask = match function.is_async() {
        true => quote! {
            ::spence::macros::get_or_fetch(&cache, &key, || {
                #tags
                #(#own)*
                move |_| async move { #work }
            }).await
        },
        false => quote! {
            ::spence::macros::get_or_call(&cache, &key, || {
                #tags
                #(#own)*
                move || { #work }
            })
        },
    };
    let doc = "The value as the cache holds it, with what is known about it.";
    define(function, doc, &sig, &quote!(#cache let key = #key; #ask))
}

fn invalidate(function: &Function, attribute: &Arguments) -> TokenStream {
    let mut sig = companion(function, INVALIDATE);
    sig.output = syn::parse_quote! {
        -> ::core::result::Result<::spence::Scope, ::spence::Error>
    };
    let (cache, key) = (cache(function, attribute), key_text(function, attribute));
    let ask = match function.is_async() {
        true => quote!(cache.invalidate(&key).await),
        false => quote!(::spence::macros::invalidate(&cache, key)),
    };
    let doc = "Never serves again what is held for these arguments now.";
    define(function, doc, &sig, &quote!(#cache let key = #key; #ask))
}

/// Defines a companion that need not use all of its arguments.
fn define(function: &Function, doc: &str, sig: &Signature, body: &TokenStream) -> TokenStream {
    let defined = defined(function, doc, sig, body);
    quote! {
        #[allow(unused_variables, reason = "the key may not need all of them")]
        #defined
    }
}

/// Defines a companion, with what the function says of lints.
fn defined(function: &Function, doc: &str, sig: &Signature, body: &TokenStream) -> TokenStream {
    let own = kept(&function.item.attrs, &["cfg", "allow", "warn", "deny"]);
    let vis = &function.item.vis;
    quote! {
        #(#own)*
        #[doc = #doc]
        #[doc = ""]
        #[doc = "Made by `#[spence::cached]`."]
        #[allow(dead_code, reason = "made whether it is needed or not")]
        #vis #sig { #body }
    }
}

/// The signature of a companion, as yet with the function's own result.
fn companion(function: &Function, which: &str) -> Signature {
    let mut sig = match which {
        UNCACHED => function.item.sig.clone(),
        _ => without_mut(&function.item.sig),
    };
    sig.ident = ident(function, which);
    sig
}

/// The signature of what only passes its arguments on.
fn without_mut(sig: &Signature) -> Signature {
    let mut sig = sig.clone();
    for input in &mut sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.mutability = None,
            FnArg::Typed(typed) => {
                if let Pat::Ident(pattern) = &mut *typed.pat {
                    pattern.mutability = None;
                }
            }
        }
    }
    sig
}

fn ident(function: &Function, which: &str) -> Ident {
    let name = &function.item.sig.ident;
    match function.place {
        Place::Free => Ident::new(which, name.span()),
        Place::Associated | Place::Method { .. } => format_ident!("{name}_{which}"),
    }
}

/// Calls a companion with these arguments; a method on `this`.
fn call(function: &Function, which: &str, arguments: &[TokenStream]) -> TokenStream {
    let (name, ident) = (&function.item.sig.ident, ident(function, which));
    let this = match which {
        UNCACHED => quote!(this),
        _ => own_self(),
    };
    match function.place {
        Place::Free => quote!(#name::#ident(#(#arguments),*)),
        Place::Associated => quote!(Self::#ident(#(#arguments),*)),
        Place::Method { .. } => quote!(#this.#ident(#(#arguments),*)),
    }
}

/// The function's own `self`, which is not that of a macro.
fn own_self() -> TokenStream {
    syn::Token![self](Span::call_site()).to_token_stream()
}

fn wait(function: &Function) -> TokenStream {
    if function.is_async() { quote!(.await) } else { quote!() }
}

fn names(function: &Function) -> Vec<TokenStream> {
    function.arguments.iter().map(|argument| &argument.name).map(|name| quote!(#name)).collect()
}

/// How a fill comes to own its arguments, and how it passes them on.
fn lend(function: &Function) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let (mut own, mut pass) = (Vec::new(), Vec::new());
    if let Place::Method { borrowed } = function.place {
        let own_self = own_self();
        own.push(match borrowed {
            true => quote!(let this = ::spence::macros::own(#own_self);),
            false => quote!(let this = #own_self;),
        });
    }
    for argument in &function.arguments {
        let name = &argument.name;
        match &argument.borrowed {
            Some(ty) => {
                let lent = quote_spanned!(ty.span()=> ::spence::macros::own(#name));
                own.push(quote!(let #name = #lent;));
                pass.push(quote!(::core::borrow::Borrow::<#ty>::borrow(&#name)));
            }
            None => pass.push(quote!(#name)),
        }
    }
    (own, pass)
}

fn key_text(function: &Function, attribute: &Arguments) -> TokenStream {
    match &attribute.key {
        Some(Key::Template(template)) => template.key(),
        Some(Key::Given(key)) => quote!(::std::string::String::from(#key)),
        None if function.arguments.is_empty() => {
            let name = function.item.sig.ident.to_string();
            quote!(::std::string::String::from(#name))
        }
        None => {
            let names = function.arguments.iter().map(|argument| as_value(&argument.name));
            Template::joined(names).key()
        }
    }
}

fn value_type(function: &Function) -> TokenStream {
    let result = &function.result;
    match &function.optional {
        Some(value) => quote!(#value),
        None => quote!(<#result as ::spence::macros::Fallible>::Value),
    }
}

/// Binds `cache`.
fn cache(function: &Function, attribute: &Arguments) -> TokenStream {
    let ty = cache_type(function);
    match &attribute.cache {
        Cache::Named(_) => {
            let (name, ident) = (&function.item.sig.ident, named_ident(function));
            let place = match function.place {
                Place::Free => quote!(#name),
                Place::Associated | Place::Method { .. } => quote!(Self),
            };
            quote!(let cache: &#ty = #place::#ident()?;)
        }
        Cache::Given(cache) => {
            // The fill may take away what the expression borrows from.
            let clone = quote!(let cache = ::core::clone::Clone::clone(cache););
            let clone = function.moves().then_some(clone);
            quote!(let cache: &#ty = &#cache; #clone)
        }
    }
}

fn cache_type(function: &Function) -> TokenStream {
    let value = value_type(function);
    quote!(::spence::Cache<::std::string::String, #value>)
}

fn named_ident(function: &Function) -> Ident {
    format_ident!("__spence_cache_of_{}", function.item.sig.ident)
}

/// What finds a named cache; one for all companions, since the place of its static is what tells
/// functions apart.
fn named(function: &Function, attribute: &Arguments) -> Option<TokenStream> {
    let Cache::Named(name) = &attribute.cache else { return None };
    let (ident, ty) = (named_ident(function), cache_type(function));
    let path = function.item.sig.ident.to_string();
    let durations = attribute.durations.iter().map(|(name, duration)| {
        let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
        quote!(.#name(::core::time::Duration::new(#seconds, #nanos)))
    });
    let of = match function.place {
        Place::Free => quote!(""),
        Place::Associated | Place::Method { .. } => quote!(::core::any::type_name::<Self>()),
    };
    let schema = attribute.schema.iter();
    let memory_only = attribute.memory_only.then(|| quote!(.memory_only()));
    let cfgs = kept(&function.item.attrs, &["cfg"]);
    Some(quote! {
        #(#cfgs)*
        #[doc(hidden)]
        fn #ident() -> ::core::result::Result<&'static #ty, ::spence::Error> {
            static __SPENCE_CACHE: ::spence::macros::Named = ::spence::macros::Named::new(
                #name,
                ::core::concat!(::core::module_path!(), "::", #path),
            );
            __SPENCE_CACHE.get(#of, |spence| {
                spence
                    .cache(#name)
                    .settings(::spence::PolicyLayer::new() #(#durations)*)
                    #(.schema(#schema))*
                    #memory_only
                    .build()
            })
        }
    })
}

/// The attributes of these names.
fn kept<'a>(attrs: &'a [Attribute], names: &[&str]) -> Vec<&'a Attribute> {
    attrs.iter().filter(|attr| names.iter().any(|name| attr.path().is_ident(name))).collect()
}

/// All attributes but those of these names.
fn but<'a>(attrs: &'a [Attribute], names: &[&str]) -> Vec<&'a Attribute> {
    attrs.iter().filter(|attr| !names.iter().any(|name| attr.path().is_ident(name))).collect()
}
