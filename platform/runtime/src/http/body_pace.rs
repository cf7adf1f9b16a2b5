//! A client that sends a body drop by drop holds a connection, a task and whatever waits for it. Not for ever.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::LimitsConfig;

/// How a body has to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The longest pause, and what the whole may take besides what its bytes are given.
    pause: Duration,
    /// Bytes a second, on average.
    rate: u64,
}

impl Pace {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        Self { pause: limits.body_pause, rate: limits.body_bytes_per_second.max(1) }
    }

    /// The body, which fails when it comes too slowly.
    pub(super) fn keep(self, body: Body) -> Body {
        match body.is_end_stream() {
            true => body,
            false => Body::new(Paced { body, pace: self, received: 0, waiting: None }),
        }
    }

    /// When something more has to have come, `received` bytes after the body was first waited for.
    fn deadline(self, begun: Instant, received: u64) -> Instant {
        let allowed = self.pause + Duration::from_secs(received / self.rate);
        (Instant::now() + self.pause).min(begun + allowed)
    }
}

/// A body that fails when it comes too slowly.
struct Paced {
    body: Body,
    pace: Pace,
    received: u64,
    /// When it was first waited for, and until when it is.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let (begun, until) = this.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + this.pace.pause)))
        });
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            let came = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            this.received += came.unwrap_or(0) as u64;
            until.as_mut().reset(this.pace.deadline(*begun, this.received));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Some(Err("the body came too slowly".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
