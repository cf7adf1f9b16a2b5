//! What a consumer does with an event.

use std::{any::Any, error::Error, sync::Arc};

use futures::future::BoxFuture;
use tessera_contract::{CloudEvent, Cx, Event, Failure, FailureKind};
use tessera_store::Tx;

/// Why a handler failed. Any error becomes one with `?`.
///
/// An error that comes from something being out of reach, by the [`Failure`] it is or has as its source, is
/// *transient*: the consumer waits and tries again for as long as it takes. Every other counts towards parking.
#[derive(Debug)]
pub struct HandlerError {
    pub(crate) message: String,
    pub(crate) transient: bool,
}

impl<E: Error + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut transient = is_transient(&error);
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            transient |= cause.downcast_ref::<Failure>().is_some_and(out_of_reach);
            source = cause.source();
        }
        Self { message, transient }
    }
}

fn is_transient<E: 'static>(error: &E) -> bool {
    (error as &dyn Any).downcast_ref::<Failure>().is_some_and(out_of_reach)
}

fn out_of_reach(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Unavailable | FailureKind::DeadlineExceeded | FailureKind::RateLimited | FailureKind::InProgress
    )
}

/// The event itself, out of its envelope.
pub fn decode<E: Event>(event: &CloudEvent) -> Result<E, HandlerError> {
    Ok(serde::Deserialize::deserialize(&event.data).map_err(|e: serde_json::Error| {
        Failure::internal(&format!("event {} of type {} is not what its contract says", event.id, event.kind), e)
    })?)
}

type InStore = dyn for<'a> Fn(&'a mut Tx, &'a CloudEvent) -> BoxFuture<'a, Result<(), HandlerError>> + Send + Sync;
type Outside = dyn Fn(Cx, Arc<CloudEvent>) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync;

/// Which events a handler wants, of those of the types that it follows.
pub(crate) type Filter = dyn for<'a> Fn(&'a CloudEvent) -> BoxFuture<'a, Result<bool, Failure>> + Send + Sync;

/// The two kinds of handler.
#[derive(Clone)]
pub(crate) enum Handler {
    InStore(Arc<InStore>),
    Outside(Arc<Outside>),
}

#[cfg(test)]
mod tests {
    use super::*;

    tessera_contract::errors! {
        /// An error of some contract.
        pub enum SomeError {
            /// Not there.
            Missing = 404 "missing",
        }
    }

    #[test]
    fn what_is_out_of_reach_is_transient_however_deep() {
        let unavailable = || Failure::new(FailureKind::Unavailable, "down");
        for (error, transient) in [
            (HandlerError::from(unavailable()), true),
            (HandlerError::from(SomeError::Failure(unavailable())), true),
            (HandlerError::from(SomeError::Missing("x".into())), false),
            (HandlerError::from(Failure::new(FailureKind::Internal, "bug")), false),
        ] {
            assert_eq!(error.transient, transient, "{error:?}");
        }
    }
}
