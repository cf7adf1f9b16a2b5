//! A client that asks and then does not read holds a connection, a buffer and whatever makes the answer. Not for ever.

use std::{pin::Pin, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;

/// The stream, whose writes fail once the client has taken nothing for `longest`.
pub(super) fn limit_write_pauses<S: AsyncRead + AsyncWrite>(
    stream: S,
    longest: Duration,
) -> Pin<Box<TimeoutStream<S>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(longest));
    Box::pin(stream)
}
