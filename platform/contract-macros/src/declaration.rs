//! What the attribute's tokens say.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, Expr, ExprArray, FnArg, Ident, ItemTrait, LitInt, LitStr, Meta, Result, ReturnType, Token,
    TraitItem, TraitItemFn, Type,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

/// `name = "…", version = "…", mount = "…", events = […], numbers = …, own = […]`.
pub(crate) struct ContractArguments {
    pub(crate) name: LitStr,
    pub(crate) version: LitStr,
    pub(crate) mount: LitStr,
    pub(crate) events: Vec<Expr>,
    pub(crate) numbers: Option<Expr>,
    pub(crate) own: Vec<Expr>,
}

impl Parse for ContractArguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut mount) = (None, None, None);
        let (mut events, mut numbers, mut own) = (Vec::new(), None, Vec::new());
        let mut seen = Vec::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            once(&mut seen, &key)?;
            match key.to_string().as_str() {
                "name" => name = Some(input.parse::<LitStr>()?),
                "version" => version = Some(input.parse()?),
                "mount" => mount = Some(input.parse()?),
                "events" => events = input.parse::<ExprArray>()?.elems.into_iter().collect(),
                "numbers" => numbers = Some(input.parse::<Expr>()?),
                "own" => own = input.parse::<ExprArray>()?.elems.into_iter().collect(),
                _ => return Err(Error::new(key.span(), "expected name, version, mount, events, numbers or own")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let name = name.ok_or_else(|| input.error("a contract needs name = \"…\""))?;
        let version = version.ok_or_else(|| input.error("a contract needs version = \"1.0\""))?;
        Ok(Self { mount: mount.unwrap_or_else(|| name.clone()), name, version, events, numbers, own })
    }
}

/// One method: its name, types and what its attribute declares.
pub(crate) struct Method {
    pub(crate) name: Ident,
    pub(crate) constant: Ident,
    pub(crate) docs: String,
    pub(crate) signature: syn::Signature,
    pub(crate) request: Type,
    pub(crate) output: Type,
    pub(crate) verb: Ident,
    pub(crate) route: Route,
}

/// `"/v1/…", access = …, status = …, idempotent, safe, grpc, body_bytes = …, timeout_seconds = …`.
pub(crate) struct Route {
    pub(crate) path: LitStr,
    pub(crate) access: TokenStream,
    pub(crate) status: u16,
    pub(crate) idempotent: bool,
    pub(crate) safe: bool,
    pub(crate) grpc: bool,
    pub(crate) body_bytes: Option<LitInt>,
    pub(crate) timeout_seconds: Option<LitInt>,
}

impl Parse for Route {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let path: LitStr = input.parse()?;
        if !path.value().starts_with("/v") {
            return Err(Error::new(path.span(), "a path begins with its major version: \"/v1/…\""));
        }
        let (mut access, mut seen) = (None, Vec::new());
        let mut route = Self {
            path,
            access: quote!(),
            status: 200,
            idempotent: false,
            safe: false,
            grpc: false,
            body_bytes: None,
            timeout_seconds: None,
        };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            once(&mut seen, &key)?;
            match key.to_string().as_str() {
                "idempotent" => route.idempotent = true,
                "safe" => route.safe = true,
                "grpc" => route.grpc = true,
                _ => {}
            }
            if ["idempotent", "safe", "grpc"].iter().any(|flag| key == flag) {
                continue;
            }
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "access" => access = Some(access_tokens(&input.parse()?)?),
                "status" => route.status = success_status(&input.parse()?)?,
                "body_bytes" => route.body_bytes = Some(input.parse()?),
                "timeout_seconds" => route.timeout_seconds = Some(input.parse()?),
                _ => {
                    let known = "expected access, status, idempotent, safe, grpc, body_bytes or timeout_seconds";
                    return Err(Error::new(key.span(), known));
                }
            }
        }
        route.access = access.ok_or_else(|| Error::new(route.path.span(), "say who may call: access = …"))?;
        Ok(route)
    }
}

/// Takes a key the first time.
fn once(seen: &mut Vec<String>, key: &Ident) -> Result<()> {
    let name = key.to_string();
    match seen.contains(&name) {
        true => Err(Error::new(key.span(), format!("{name} is given twice"))),
        false => {
            seen.push(name);
            Ok(())
        }
    }
}

/// Answers carry JSON, so 204 and 205, which have no content, are not among them.
fn success_status(literal: &LitInt) -> Result<u16> {
    match literal.base10_parse()? {
        status @ (200..=203 | 206..=299) => Ok(status),
        _ => Err(Error::new(literal.span(), "the status of success is 2xx, and not one without content (204, 205)")),
    }
}

fn access_tokens(expression: &Expr) -> Result<TokenStream> {
    let access = quote!(::tessera_contract::Access);
    let known =
        "expected public, viewer, service, staff(\"scope\"), platform(\"scope\") or service_or_staff(\"scope\")";
    match expression {
        Expr::Path(path) if path.path.is_ident("public") => Ok(quote!(#access::Public)),
        Expr::Path(path) if path.path.is_ident("viewer") => Ok(quote!(#access::Viewer)),
        Expr::Path(path) if path.path.is_ident("service") => Ok(quote!(#access::Service)),
        Expr::Call(call) => {
            let (function, scope) = (&call.func, &call.args);
            if scope.len() != 1 {
                return Err(Error::new(expression.span(), known));
            }
            match quote!(#function).to_string().as_str() {
                "staff" => Ok(quote!(#access::Staff(#scope))),
                "platform" => Ok(quote!(#access::Platform(#scope))),
                "service_or_staff" => Ok(quote!(#access::ServiceOrStaff(#scope))),
                _ => Err(Error::new(expression.span(), known)),
            }
        }
        _ => Err(Error::new(expression.span(), known)),
    }
}

/// The whole declaration: the trait without our attributes, and its methods.
pub(crate) struct Declaration {
    pub(crate) arguments: ContractArguments,
    pub(crate) item: ItemTrait,
    pub(crate) docs: String,
    pub(crate) methods: Vec<Method>,
}

impl Declaration {
    pub(crate) fn new(arguments: ContractArguments, mut item: ItemTrait) -> Result<Self> {
        let mut methods = Vec::new();
        for member in &mut item.items {
            match member {
                TraitItem::Fn(function) => methods.push(Method::new(function)?),
                other => return Err(Error::new(other.span(), "a contract has operations and nothing else")),
            }
        }
        if methods.is_empty() {
            return Err(Error::new(item.ident.span(), "a contract has at least one operation"));
        }
        if let Some(method) = methods.iter().find(|method| method.route.grpc && arguments.numbers.is_none()) {
            return Err(Error::new(method.name.span(), "an operation with grpc needs numbers = … of its contract"));
        }
        let docs = docs(&item.attrs);
        if docs.is_empty() {
            return Err(Error::new(
                item.ident.span(),
                "a contract is documented: what it promises, what it refuses to know",
            ));
        }
        Ok(Self { docs, arguments, item, methods })
    }
}

impl Method {
    fn new(function: &mut TraitItemFn) -> Result<Self> {
        let verbs = ["get", "post", "put", "patch", "delete"];
        let is_route = |attribute: &Attribute| verbs.iter().any(|verb| attribute.path().is_ident(verb));
        let position = function.attrs.iter().position(is_route);
        let attribute = position.map(|index| function.attrs.remove(index));
        let name = function.sig.ident.clone();
        let attribute = attribute
            .ok_or_else(|| Error::new(name.span(), "an operation needs #[get(…)], #[post(…)], #[put(…)] …"))?;
        let docs = docs(&function.attrs);
        if docs.is_empty() {
            return Err(Error::new(name.span(), "an operation is documented: its text stands in the API reference"));
        }
        let verb = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        let request = request_type(&function.sig)?;
        let output = match &function.sig.output {
            ReturnType::Type(_, output) => (**output).clone(),
            ReturnType::Default => return Err(Error::new(function.sig.span(), "an operation returns a Result")),
        };
        Ok(Self {
            constant: format_ident!("{}", name.to_string().to_uppercase()),
            verb: format_ident!("{}{}", verb[..1].to_uppercase(), &verb[1..]),
            name,
            docs,
            signature: function.sig.clone(),
            request,
            output,
            route: attribute.parse_args()?,
        })
    }
}

/// The type of `request` in `async fn name(&self, cx: &Cx, request: …)`; what is written for a method uses these names.
fn request_type(signature: &syn::Signature) -> Result<Type> {
    let wrong =
        || Error::new(signature.span(), "an operation is async fn name(&self, cx: &Cx, request: …) -> Result<…>");
    let named = |argument: &FnArg, expected: &str| match argument {
        FnArg::Typed(typed) => match &*typed.pat {
            syn::Pat::Ident(pattern) if pattern.ident == expected => Some((*typed.ty).clone()),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    };
    let arguments: Vec<&FnArg> = signature.inputs.iter().collect();
    match arguments[..] {
        [FnArg::Receiver(_), cx, request] if signature.asyncness.is_some() && named(cx, "cx").is_some() => {
            named(request, "request").ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn arguments() -> TokenStream {
        quote!(name = "notes", version = "1.0")
    }

    fn error(arguments: TokenStream, item: ItemTrait) -> String {
        let declared = syn::parse2(arguments).and_then(|arguments| Declaration::new(arguments, item));
        declared.map(|_| ()).expect_err("refused").to_string()
    }

    fn operation(function: TokenStream) -> ItemTrait {
        parse_quote! {
            /// Notes.
            trait Notes { #function }
        }
    }

    fn route(attribute: TokenStream) -> ItemTrait {
        operation(quote! {
            /// Fetch a note.
            #attribute
            async fn get_note(&self, cx: &Cx, request: GetNote) -> Result<Note, NoteError>;
        })
    }

    #[test]
    fn a_whole_declaration_is_read() {
        let item = route(quote!(#[post("/v1/notes", access = staff("a"), status = 201, idempotent, body_bytes = 9,)]));
        let declared = Declaration::new(syn::parse2(arguments()).expect("arguments"), item).expect("a contract");
        assert_eq!((declared.docs.as_str(), declared.arguments.mount.value().as_str()), ("Notes.", "notes"));
        let method = &declared.methods[0];
        assert_eq!((method.docs.as_str(), method.verb.to_string().as_str()), ("Fetch a note.", "Post"));
        assert_eq!(method.constant, "GET_NOTE");
        assert!(method.route.idempotent && method.route.status == 201 && method.route.body_bytes.is_some());
        assert!(declared.item.items.iter().all(|item| matches!(item, TraitItem::Fn(f) if f.attrs.len() == 1)));
    }

    #[test]
    fn what_is_wrong_with_the_contract_is_said() {
        let fine = || route(quote!(#[get("/v1/notes", access = public)]));
        for (arguments, item, says) in [
            (quote!(version = "1.0"), fine(), "a contract needs name"),
            (quote!(name = "notes"), fine(), "a contract needs version"),
            (
                quote!(name = "notes", version = "1.0", base = "/x"),
                fine(),
                "expected name, version, mount, events, numbers or own",
            ),
            (quote!(name = "notes", name = "other", version = "1.0"), fine(), "name is given twice"),
            (quote!(name = notes, version = "1.0"), fine(), "expected string literal"),
            (arguments(), operation(quote!()), "at least one operation"),
            (
                arguments(),
                operation(quote!(
                    const N: u8;
                )),
                "operations and nothing else",
            ),
            (
                arguments(),
                parse_quote!(
                    trait Notes {
                        #[get("/v1/n", access = public)]
                        fn n();
                    }
                ),
                "documented",
            ),
        ] {
            let found = error(arguments, item);
            assert!(found.contains(says), "{found:?} does not say {says:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_route_is_said() {
        for (attribute, says) in [
            (quote!(#[get("/v1/notes")]), "say who may call: access"),
            (quote!(#[get("/v1/notes", access = everybody)]), "expected public, viewer, service"),
            (quote!(#[get("/v1/notes", access = staff)]), "expected public, viewer, service"),
            (quote!(#[get("/v1/notes", access = staff())]), "expected public, viewer, service"),
            (quote!(#[get("/v1/notes", access = admin("x"))]), "expected public, viewer, service"),
            (quote!(#[get("/v1/notes", access = public, cached)]), "expected `=`"),
            (quote!(#[get("/v1/notes", access = public, limit = 1)]), "expected access, status, idempotent"),
            (quote!(#[get("/v1/notes", access = public, access = viewer)]), "access is given twice"),
            (quote!(#[get("/v1/notes", access = public, status = 204)]), "without content"),
            (quote!(#[get("/v1/notes", access = public, status = 404)]), "is 2xx"),
            (quote!(#[get("/notes", access = public)]), "begins with its major version"),
            (quote!(#[get]), "expected attribute arguments"),
            (quote!(#[get("/v1/notes", access = public, grpc)]), "needs numbers"),
            (quote!(), "an operation needs #[get"),
        ] {
            let found = error(arguments(), route(attribute));
            assert!(found.contains(says), "{found:?} does not say {says:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_method_is_said() {
        let get = quote!(#[get("/v1/notes", access = public)]);
        for (function, says) in [
            (quote!(#get async fn a(&self, cx: &Cx, request: A) -> Result<B, E>;), "an operation is documented"),
            (quote!(#[doc = "A."] #get async fn a(&self, cx: &Cx) -> Result<B, E>;), "async fn name(&self, cx: &Cx"),
            (quote!(#[doc = "A."] #get async fn a(cx: &Cx, request: A, b: B) -> Result<B, E>;), "async fn name("),
            (quote!(#[doc = "A."] #get fn a(&self, cx: &Cx, request: A) -> Result<B, E>;), "async fn name("),
            (quote!(#[doc = "A."] #get async fn a(&self, context: &Cx, request: A) -> Result<B, E>;), "cx: &Cx"),
            (quote!(#[doc = "A."] #get async fn a(&self, cx: &Cx, GetA { id }: A) -> Result<B, E>;), "request: …"),
            (quote!(#[doc = "A."] #get async fn a(&self, cx: &Cx, request: A);), "returns a Result"),
        ] {
            let found = error(arguments(), operation(function));
            assert!(found.contains(says), "{found:?} does not say {says:?}");
        }
    }
}
