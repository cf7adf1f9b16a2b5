//! The `#[contract]` attribute: from an object-safe trait, the lines that would otherwise be written by hand for each
//! operation. Everything it writes is plain calls into `tessera_contract`; all logic lives there.

mod declaration;
mod expand;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Declares a contract.
///
/// On the trait: `#[contract(name = "catalog", version = "1.0", mount = "catalog", events = [TitlePublished])]`;
/// `mount` defaults to `name`, `events` to none; `numbers` names what travels by gRPC (`Numbers`), `own` the fields of answers
/// that each implementation has of its own. On each method one of `#[get(…)]`, `#[post(…)]`, `#[put(…)]`,
/// `#[patch(…)]`, `#[delete(…)]` with the path and `access = public | viewer | service | staff("scope") |
/// service_or_staff("scope")`, and where they differ from the defaults `status = 201`, `idempotent` (an
/// `Idempotency-Key` is required), `safe` (it changes nothing, as a `get` does not), `grpc` (it travels by gRPC too),
/// `body_bytes = 65536`, `timeout_seconds = 10`. A method is
/// `async fn name(&self, cx: &Cx, request: Request) -> Result<Response, Error>;`.
///
/// Written for a trait `Catalog`: the trait itself through `async_trait`, a module `catalog_operations` with a static
/// `Operation` for each method, and `impl Contract for dyn Catalog` with its guard, its remote client and the choice of its places.
#[proc_macro_attribute]
pub fn contract(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as declaration::ContractArguments);
    let item = parse_macro_input!(item as syn::ItemTrait);
    declaration::Declaration::new(arguments, item)
        .map(|declaration| expand::expand(&declaration))
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
