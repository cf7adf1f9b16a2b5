//! What the certificate of a connection says of a signed context.

use std::sync::Arc;

use tessera_contract::{Caller, EDGE, Failure, FailureKind, calling_module};

/// The modules that the other side's certificate names: an extension of each request on a connection with certificates
/// on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub Arc<[String]>);

/// Whether the certificate is of the module that makes the call.
///
/// # Errors
/// [`FailureKind::Unauthenticated`] without a certificate, and for another module's.
pub(super) fn speaks_for(peer: Option<&Peer>, caller: &Caller) -> Result<(), Failure> {
    let Some(Peer(names)) = peer else {
        let detail = "modules are called here over TLS with certificates on both sides alone, and this connection has none: \
                      use the https address of [mtls] listen, and give the calling process a certificate";
        return Err(Failure::new(FailureKind::Unauthenticated, detail));
    };
    let module = calling_module(caller);
    match names.iter().any(|name| name == module) {
        true => Ok(()),
        false => {
            let whose = if module == EDGE { "a person (which the module edge makes)" } else { module };
            let detail = format!("the certificate is of {}, and the call is made for {whose}", names.join(", "));
            Err(Failure::new(FailureKind::Unauthenticated, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_speaks_for_the_modules_it_names() {
        let peer = |names: &[&str]| Peer(names.iter().map(|name| (*name).to_owned()).collect());
        let service = |name: &str| Caller::Service { name: name.into() };
        for (names, caller, holds) in [
            (&["playback"][..], service("playback"), true),
            (&["edge", "playback"], service("playback"), true),
            (&["edge", "playback"], Caller::Anonymous, true),
            (&["playback"], Caller::Anonymous, false),
            (&["playback"], service("billing"), false),
            (&[], service("billing"), false),
        ] {
            let judged = speaks_for(Some(&peer(names)), &caller);
            assert_eq!(judged.is_ok(), holds, "{names:?} {caller:?}");
        }
        let plain = speaks_for(None, &service("playback")).unwrap_err();
        assert!(plain.kind == FailureKind::Unauthenticated && plain.detail.contains("[mtls] listen"), "{plain}");
    }
}
