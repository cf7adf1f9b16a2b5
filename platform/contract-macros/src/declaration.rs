//! What the attribute's tokens say.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, Expr, ExprArray, FnArg, Ident, ItemTrait, LitInt, LitStr, Meta, Result, ReturnType, Token,
    TraitItem, TraitItemFn, Type,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

/// `name = "…", version = "…", mount = "…", events = […]`.
pub(crate) struct ContractArguments {
    pub(crate) name: LitStr,
    pub(crate) version: LitStr,
    pub(crate) mount: LitStr,
    pub(crate) events: Vec<Expr>,
}

impl Parse for ContractArguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut mount, mut events) = (None, None, None, Vec::new());
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "name" => name = Some(input.parse::<LitStr>()?),
                "version" => version = Some(input.parse()?),
                "mount" => mount = Some(input.parse()?),
                "events" => events = input.parse::<ExprArray>()?.elems.into_iter().collect(),
                _ => return Err(Error::new(key.span(), "expected name, version, mount or events")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let name = name.ok_or_else(|| input.error("a contract needs name = \"…\""))?;
        let version = version.ok_or_else(|| input.error("a contract needs version = \"1.0\""))?;
        Ok(Self { mount: mount.unwrap_or_else(|| name.clone()), name, version, events })
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

/// `"/v1/…", access = …, status = …, idempotent, body_bytes = …, timeout_seconds = …`.
pub(crate) struct Route {
    pub(crate) path: LitStr,
    pub(crate) access: TokenStream,
    pub(crate) status: u16,
    pub(crate) idempotent: bool,
    pub(crate) body_bytes: Option<LitInt>,
    pub(crate) timeout_seconds: Option<LitInt>,
}

impl Parse for Route {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let path: LitStr = input.parse()?;
        let mut access = None;
        let mut route =
            Self { path, access: quote!(), status: 200, idempotent: false, body_bytes: None, timeout_seconds: None };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            if key == "idempotent" {
                route.idempotent = true;
                continue;
            }
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "access" => access = Some(access_tokens(&input.parse()?)?),
                "status" => route.status = input.parse::<LitInt>()?.base10_parse()?,
                "body_bytes" => route.body_bytes = Some(input.parse()?),
                "timeout_seconds" => route.timeout_seconds = Some(input.parse()?),
                _ => {
                    let known = "expected access, status, idempotent, body_bytes or timeout_seconds";
                    return Err(Error::new(key.span(), known));
                }
            }
        }
        route.access = access.ok_or_else(|| Error::new(route.path.span(), "say who may call: access = …"))?;
        Ok(route)
    }
}

fn access_tokens(expression: &Expr) -> Result<TokenStream> {
    let access = quote!(::tessera_contract::Access);
    let known = "expected public, viewer, service, staff(\"scope\") or service_or_staff(\"scope\")";
    match expression {
        Expr::Path(path) if path.path.is_ident("public") => Ok(quote!(#access::Public)),
        Expr::Path(path) if path.path.is_ident("viewer") => Ok(quote!(#access::Viewer)),
        Expr::Path(path) if path.path.is_ident("service") => Ok(quote!(#access::Service)),
        Expr::Call(call) => {
            let (function, scope) = (&call.func, &call.args);
            match quote!(#function).to_string().as_str() {
                "staff" => Ok(quote!(#access::Staff(#scope))),
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
        Ok(Self { docs: docs(&item.attrs), arguments, item, methods })
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
        let request = match function.sig.inputs.iter().nth(2) {
            Some(FnArg::Typed(argument)) if function.sig.inputs.len() == 3 => (*argument.ty).clone(),
            _ => return Err(Error::new(function.sig.span(), "an operation takes (&self, cx: &Cx, request: …)")),
        };
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
