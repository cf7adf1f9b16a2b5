//! What is written for a declaration.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::declaration::{ContractArguments, Declaration, Method};

pub(crate) fn expand(declaration: &Declaration) -> TokenStream {
    let Declaration { item, docs, arguments, methods } = declaration;
    let (name, version, mount, events) = (&arguments.name, &arguments.version, &arguments.mount, &arguments.events);
    let (contract, visibility) = (&item.ident, &item.vis);
    let operations = format_ident!("{}_operations", snake(&contract.to_string()));
    let [guarded, remote, placed] = ["Guarded", "Remote", "Placed"].map(|binding| format_ident!("{contract}{binding}"));
    let statics = methods.iter().map(|method| operation_static(method, arguments));
    let constants: Vec<_> = methods.iter().map(|method| &method.constant).collect();
    let output = &methods[0].output;
    let guarded_methods = methods.iter().map(|method| {
        let (signature, constant, call) = (&method.signature, &method.constant, &method.name);
        quote! { #signature {
            ::tessera_contract::guard(&#operations::#constant, cx, request, async |cx, request| {
                self.0.#call(&cx, request).await
            }).await
        } }
    });
    let remote_methods = methods.iter().map(|method| {
        let (signature, constant) = (&method.signature, &method.constant);
        quote! { #signature { self.0.call(&#operations::#constant, cx, request).await } }
    });
    let placed_methods = methods.iter().map(|method| {
        let (signature, constant, call) = (&method.signature, &method.constant, &method.name);
        quote! { #signature {
            if let ::std::option::Option::Some(only) = self.0.only() {
                return only.#call(cx, request).await;
            }
            self.0.call(&#operations::#constant, cx, request, |place, cx, request| async move {
                place.#call(&cx, request).await
            }).await
        } }
    });
    let served = methods.iter().map(|method| {
        let (constant, call) = (&method.constant, &method.name);
        quote! { .serve(&#operations::#constant, {
            let implementation = ::std::sync::Arc::clone(&implementation);
            move |cx, request| {
                let implementation = ::std::sync::Arc::clone(&implementation);
                async move { implementation.#call(&cx, request).await }
            }
        }) }
    });
    let module_docs = format!("The operations of [`{contract}`], as data.");
    quote! {
        #[::tessera_contract::async_trait]
        #item

        #[doc = #module_docs]
        #visibility mod #operations {
            use super::*;
            #(#statics)*
        }

        struct #guarded(::std::sync::Arc<dyn #contract>);

        #[::tessera_contract::async_trait]
        impl #contract for #guarded { #(#guarded_methods)* }

        struct #remote(::tessera_contract::Remote);

        #[::tessera_contract::async_trait]
        impl #contract for #remote { #(#remote_methods)* }

        struct #placed(::std::sync::Arc<::tessera_contract::Placed<dyn #contract>>);

        #[::tessera_contract::async_trait]
        impl #contract for #placed { #(#placed_methods)* }

        impl ::tessera_contract::Contract for dyn #contract {
            const INFO: &'static ::tessera_contract::ContractInfo = &::tessera_contract::ContractInfo {
                name: #name,
                version: #version,
                mount: #mount,
                docs: #docs,
                operations: &[#(#operations::#constants.info()),*],
                errors: <<#output as ::tessera_contract::Outcome>::Error as ::tessera_contract::ContractError>::CODES,
                events: &[#(::tessera_contract::EventInfo::of::<#events>()),*],
            };
            fn guarded(implementation: ::std::sync::Arc<Self>) -> ::std::sync::Arc<Self> {
                ::std::sync::Arc::new(#guarded(implementation))
            }
            fn remote(remote: ::tessera_contract::Remote) -> ::std::sync::Arc<Self> {
                ::std::sync::Arc::new(#remote(remote))
            }
            fn placed(
                placed: ::std::sync::Arc<::tessera_contract::Placed<Self>>,
            ) -> ::std::sync::Arc<Self> {
                ::std::sync::Arc::new(#placed(placed))
            }
            fn api(implementation: ::std::sync::Arc<Self>) -> ::tessera_contract::Api {
                ::tessera_contract::ApiBuilder::new(Self::INFO) #(#served)* .build()
            }
        }
    }
}

fn operation_static(method: &Method, arguments: &ContractArguments) -> TokenStream {
    let ContractArguments { name: contract, mount, own, .. } = arguments;
    let Method { name, constant, docs, request, output, verb, route, .. } = method;
    let (path, access, status) = (&route.path, &route.access, route.status);
    let name = name.to_string();
    let idempotency = if route.idempotent { quote!(Key) } else { quote!(Natural) };
    let safe = route.safe || verb == "Get";
    let body_bytes = route.body_bytes.as_ref().map(|bytes| quote!(body_bytes: #bytes,));
    let timeout = route.timeout_seconds.as_ref().map(|s| quote!(timeout: ::std::time::Duration::from_secs(#s),));
    let grpc = match arguments.numbers.as_ref().filter(|_| route.grpc) {
        None => quote!(::std::option::Option::None),
        Some(numbers) => quote!(::std::option::Option::Some(|| {
            static GRPC: ::std::sync::LazyLock<::tessera_contract::Grpc> = ::std::sync::LazyLock::new(|| {
                ::tessera_contract::Grpc::of::<#request, <#output as ::tessera_contract::Outcome>::Success>(
                    #contract, #path, #name, #numbers,
                )
            });
            &GRPC
        })),
    };
    quote! {
        #[doc = #docs]
        pub static #constant: ::tessera_contract::Operation<
            #request,
            <#output as ::tessera_contract::Outcome>::Success,
            <#output as ::tessera_contract::Outcome>::Error,
        > = ::tessera_contract::Operation::new(&::tessera_contract::OperationInfo {
            contract: #contract,
            module: #mount,
            name: #name,
            method: ::tessera_contract::Method::#verb,
            path: #path,
            docs: #docs,
            access: #access,
            idempotency: ::tessera_contract::Idempotency::#idempotency,
            status: #status,
            limits: ::tessera_contract::Limits { #body_bytes #timeout ..::tessera_contract::Limits::DEFAULT },
            safe: #safe,
            own: &[#(#own),*],
            grpc: #grpc,
        });
    }
}

/// `CatalogManagement` → `catalog_management`.
fn snake(camel: &str) -> String {
    let mut text = String::new();
    for (index, letter) in camel.char_indices() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
