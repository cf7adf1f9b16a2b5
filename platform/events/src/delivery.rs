//! One event, one attempt: the handler's effects and the step, in the order that loses neither.

use std::sync::Arc;

use tessera_contract::{About, CloudEvent, Cx, Failure, SpanEnd, SpanKind, SpanName, SpanUnderWay, TraceContext};
use tessera_faults::reached;
use tessera_store::Engine;

use crate::{
    HandlerError,
    handler::Handler,
    ledger::{self, Ledger, Step},
};

/// Hands events to the handler and records that it did.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) ledger: Ledger,
    pub(crate) handler: Handler,
    pub(crate) latest_only: bool,
}

/// Why an attempt failed.
pub(crate) enum Undelivered {
    /// The handler's own error: counts towards parking.
    Handler(String),
    /// Something cannot be reached: counts for nothing.
    Transient(String),
    /// Another process took the step: begin again from the recorded offset.
    Moved,
}

impl From<HandlerError> for Undelivered {
    fn from(error: HandlerError) -> Self {
        match error.transient {
            true => Self::Transient(error.message),
            false => Self::Handler(error.message),
        }
    }
}

impl From<Failure> for Undelivered {
    fn from(failure: Failure) -> Self {
        HandlerError::from(failure).into()
    }
}

/// What a write of the consumer's own store needs.
struct InStore<H> {
    consumer: &'static str,
    latest_only: bool,
    event: Arc<CloudEvent>,
    step: Step,
    handler: H,
}

impl Delivery {
    /// Whether writes that are under way together become durable together, in their order.
    pub(crate) fn shares_commits(&self) -> bool {
        matches!(self.handler, Handler::InStore(_)) && self.ledger.store.engine() == Engine::Sqlite
    }

    /// One attempt.
    pub(crate) async fn attempt(&self, event: &Arc<CloudEvent>, step: Step) -> Result<(), Undelivered> {
        if reached("event.before", self.ledger.consumer) {
            return Err(Undelivered::Transient("not delivered".into()));
        }
        let done = self.handle(event, step).await;
        match reached("event.after", self.ledger.consumer) {
            true => Err(Undelivered::Transient("delivered, and not heard of".into())),
            false => done,
        }
    }

    async fn handle(&self, event: &Arc<CloudEvent>, step: Step) -> Result<(), Undelivered> {
        let mut cx = self.cx(event);
        let span = SpanUnderWay::begin(cx.trace, SpanKind::Consumer, || About {
            request_id: None,
            tenant: Some(event.tenant.clone()),
            name: SpanName::Event { consumer: self.ledger.consumer, kind: event.kind.as_str().into() },
        });
        cx.trace = span.within(cx.trace);
        let done = self.effects(cx, event, step).await;
        span.end(match &done {
            Ok(()) => SpanEnd::Done,
            Err(Undelivered::Handler(_)) => SpanEnd::Failed("handler".into()),
            Err(Undelivered::Transient(_)) => SpanEnd::Failed("out_of_reach".into()),
            Err(Undelivered::Moved) => SpanEnd::Abandoned,
        });
        done
    }

    async fn effects(&self, cx: Cx, event: &Arc<CloudEvent>, step: Step) -> Result<(), Undelivered> {
        match &self.handler {
            Handler::InStore(handler) => {
                let (consumer, latest_only) = (self.ledger.consumer, self.latest_only);
                let input = InStore { consumer, latest_only, event: event.clone(), step, handler: handler.clone() };
                self.ledger
                    .store
                    .write(&cx, input, |tx, input| {
                        Box::pin(async move {
                            let event = &*input.event;
                            if !input.latest_only || ledger::is_newer(tx, input.consumer, event).await? {
                                (input.handler)(tx, event).await?;
                            }
                            taken(ledger::take(tx, input.consumer, input.step).await)
                        })
                    })
                    .await
            }
            Handler::Outside(handler) => {
                let key = format!("{}:{}", self.ledger.consumer, event.id);
                handler(cx.with_idempotency_key(key), event.clone()).await?;
                if reached("event.between", self.ledger.consumer) {
                    return Err(Undelivered::Transient("handled, and not recorded".into()));
                }
                taken(self.ledger.take_alone(step).await)
            }
        }
    }

    /// The consumer's module, on behalf of the event's tenant, in the event's trace.
    fn cx(&self, event: &CloudEvent) -> Cx {
        let store = &self.ledger.store;
        let mut cx = Cx::service(event.tenant.clone(), store.module().name, &*store.clock());
        if let Some(trace) = event.traceparent.as_deref().and_then(TraceContext::parse) {
            cx.trace = trace;
        }
        cx
    }
}

fn taken(step: Result<(), Failure>) -> Result<(), Undelivered> {
    step.map_err(|failure| match failure.kind == ledger::moved().kind {
        true => Undelivered::Moved,
        false => failure.into(),
    })
}
