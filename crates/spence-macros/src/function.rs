//! What stands under the attribute: a function, and whether its results can be kept at all.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Error, Expr, FnArg, GenericArgument, GenericParam, Ident, ItemFn, Pat, PathArguments, Receiver,
    ReceiverKind, Result, ReturnType, Stmt, Type, TypeReference, parse_quote,
};

use crate::arguments::Arguments;

/// A function that can be cached.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) place: Place,
    pub(crate) arguments: Vec<Argument>,
    /// What it returns.
    pub(crate) result: Type,
    /// `T` if it returns `Result<Option<T>, _>`, where `None` says that there is nothing.
    pub(crate) optional: Option<Type>,
}

/// Where a function stands.
pub(crate) enum Place {
    Free,
    Associated,
    Method {
        /// Whether `self` is a reference, so that the fill needs a clone.
        borrowed: bool,
    },
}

/// An argument that is not `self`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// `T` if the argument is a `&T`.
    pub(crate) borrowed: Option<Type>,
}

impl Function {
    pub(crate) fn read(item: ItemFn, attribute: &Arguments) -> Result<Self> {
        let sig = &item.sig;
        let refuse = |at: &dyn ToTokens, message: &str| Err(Error::new(at.span(), message));
        if let Some(constness) = &sig.constness {
            return refuse(constness, "a `const` function has nothing to be cached");
        }
        if let Some(abi) = &sig.abi {
            return refuse(abi, "an `extern` function cannot be cached");
        }
        if sig.safety.to_token_stream().into_iter().next().is_some() {
            return refuse(&sig.safety, "an `unsafe` function cannot be cached");
        }
        for parameter in &sig.generics.params {
            if !matches!(parameter, GenericParam::Lifetime(_)) {
                let message = "a cached function cannot be generic: its cache holds one type of \
                               value";
                return refuse(parameter, message);
            }
        }
        let (place, arguments) = (place(&item, attribute)?, arguments(&item)?);
        if matches!(place, Place::Method { .. }) && attribute.key.is_none() {
            let message = "a method must say its key, since its result may depend on `self`: \
                           `key = \"{self.field}:{argument}\"`";
            return refuse(&sig.ident, message);
        }
        let expected = "a cached function returns a `Result<V, E>`: even if it cannot fail itself, \
                        a read can, at its deadline for one";
        let ReturnType::Type(_, result) = &sig.output else {
            return refuse(&sig.ident, expected);
        };
        if !is_result(result) {
            return refuse(result, expected);
        }
        let (result, optional) = ((**result).clone(), optional(result));
        Ok(Self { place, arguments, result, optional, item })
    }

    pub(crate) fn is_async(&self) -> bool {
        self.item.sig.asyncness.is_some()
    }

    /// Whether a fill takes arguments of the caller's away.
    pub(crate) fn moves(&self) -> bool {
        matches!(self.place, Place::Method { borrowed: false })
            || self.arguments.iter().any(|argument| argument.borrowed.is_none())
    }
}

fn place(item: &ItemFn, attribute: &Arguments) -> Result<Place> {
    let Some(receiver) = item.sig.receiver() else {
        // An item inside of the body may have a `Self` of its own.
        let mut own = item.block.stmts.iter().filter(|own| !matches!(own, Stmt::Item(_)));
        let names_self = mentions(item.sig.to_token_stream(), "Self")
            || own.any(|own| mentions(own.to_token_stream(), "Self"));
        return Ok(if attribute.associated || names_self {
            Place::Associated
        } else {
            Place::Free
        });
    };
    let borrowed = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => true,
        ReceiverKind::Reference(_, _, Some(_)) => return Err(mutable(receiver)),
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                return Err(mutable(receiver));
            }
            ty => matches!(ty, Type::Reference(_)),
        },
        _ => false,
    };
    Ok(Place::Method { borrowed })
}

fn is_static(reference: &TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

fn mutable(receiver: &Receiver) -> Error {
    Error::new(receiver.span(), "a cached method cannot change `self`: it may not be called at all")
}

fn arguments(item: &ItemFn) -> Result<Vec<Argument>> {
    let typed = item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let mut arguments = Vec::new();
    for typed in typed {
        let refuse = |message: &str| Err(Error::new(typed.span(), message));
        let Pat::Ident(pattern) = &*typed.pat else {
            return refuse("an argument of a cached function needs a name");
        };
        let (borrowed, owned) = match &*typed.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                return refuse(
                    "a cached function cannot change its arguments: it may not be \
                               called at all",
                );
            }
            // A fill can have it as it is.
            Type::Reference(reference) if is_static(reference) => (None, &*reference.elem),
            Type::Reference(reference) => (Some((*reference.elem).clone()), &*reference.elem),
            ty => (None, ty),
        };
        if mentions(owned.to_token_stream(), "impl") {
            return refuse(
                "a cached function cannot be generic: its cache holds one type of value",
            );
        }
        if borrows(owned.to_token_stream()) {
            return refuse(
                "a fill may outlive its caller, so only the whole argument can be \
                           borrowed, not a part of it",
            );
        }
        arguments.push(Argument { name: pattern.ident.clone(), borrowed });
    }
    Ok(arguments)
}

/// Whether it is a `Result`, or an alias that says so.
fn is_result(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result"))
}

/// `T` of a `Result<Option<T>, _>`.
fn optional(result: &Type) -> Option<Type> {
    let kept = first_argument(result)?;
    let Type::Path(path) = kept else { return None };
    let is_option = path.path.segments.last().is_some_and(|last| last.ident == "Option");
    first_argument(kept).filter(|_| is_option).cloned()
}

/// The first argument of a generic type.
fn first_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// The argument's name, as an expression.
pub(crate) fn as_value(name: &Ident) -> Expr {
    parse_quote!(#name)
}

/// Whether a word stands anywhere in there.
fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether a reference, or a lifetime but `'static`, stands anywhere in a type.
fn borrows(tokens: TokenStream) -> bool {
    let mut after_tick = false;
    tokens.into_iter().any(|token| {
        let is_lifetime = std::mem::take(&mut after_tick);
        match token {
            TokenTree::Punct(punct) => {
                after_tick = punct.as_char() == '\'';
                punct.as_char() == '&'
            }
            TokenTree::Ident(ident) => is_lifetime && ident != "static",
            TokenTree::Group(group) => borrows(group.stream()),
            TokenTree::Literal(_) => false,
        }
    })
}
