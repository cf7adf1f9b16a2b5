//! The bytes of an answer, made as the client takes them. Many slow clients hold little: what has been packaged and not
//! sent is in the [segment cache](crate::segment_cache)'s account, and where that is full, a client has one small piece
//! at a time.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream::{self, Stream};
use tessera_contract::{Failure, FailureKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    layout::{Part, cut},
    origin::Made,
    packager::SegmentOf,
    service::DeliveryService,
};

/// A piece where there is no room for more.
const PIECE: u64 = 16 * 1024;
/// How long a further piece of an answer may wait to be packaged.
const PATIENCE: Duration = Duration::from_secs(30);

/// What of an answer is still to come.
pub(crate) struct Pieces {
    delivery: Arc<DeliveryService>,
    made: Made,
    rest: Range<u64>,
    /// Free when the last small piece has left.
    small: Arc<Semaphore>,
}

/// A small piece; the next one is made when this one has left.
struct Small {
    bytes: Vec<u8>,
    _turn: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Small {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Pieces {
    /// These bytes of what is made.
    pub(crate) fn new(delivery: Arc<DeliveryService>, made: Made, range: Range<u64>) -> Self {
        Self { delivery, made, rest: range, small: Arc::new(Semaphore::new(1)) }
    }

    /// The first piece, which is made before an answer begins: what cannot be read is an error and no answer that breaks
    /// off. Nothing of an empty range.
    pub(crate) async fn first(&mut self) -> Result<Bytes, Failure> {
        Ok(self.next().await?.unwrap_or_default())
    }

    /// Whether there is nothing more to come.
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The further pieces, each made when the ones before it have been taken. Of small ones the next is not made before the
    /// last has been let go of: whoever reads must not gather them.
    pub(crate) fn further(self) -> impl Stream<Item = Result<Bytes, Failure>> + Send {
        stream::try_unfold(self, async |mut pieces| {
            let piece = pieces.in_time().await;
            let piece = piece.inspect_err(|failure| tracing::error!(%failure, "an answer breaks off"))?;
            Ok(piece.map(|piece| (piece, pieces)))
        })
    }

    async fn in_time(&mut self) -> Result<Option<Bytes>, Failure> {
        // A client that does not read is the listener's business; what is waited for here is packaging.
        let turn = self.small.clone().acquire_owned().await.map_err(|e| Failure::internal("waiting to send", e))?;
        drop(turn);
        let late = |_| Failure::new(FailureKind::DeadlineExceeded, "a part of the answer could not be made in time");
        tokio::time::timeout(PATIENCE, self.next()).await.map_err(late)?
    }

    /// The next bytes; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (part, presentation, track) = match &self.made {
            Made::Segment(of) => {
                let part = Part::Segment { place: of.segment, range: self.rest.clone() };
                (part, of.presentation.clone(), of.track)
            }
            Made::Whole { presentation, track } => {
                let part = presentation.at(*track).and_then(|track| track.layout.part(&self.rest));
                let gone = || Failure::new(FailureKind::Internal, "a track ends before its announced size");
                (part.ok_or_else(gone)?.0, presentation.clone(), *track)
            }
        };
        let bytes = match part {
            Part::Ready(bytes) => bytes,
            Part::Segment { place, range } => {
                self.segment(SegmentOf { presentation, track, segment: place }, range).await?
            }
        };
        self.rest.start += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// The first of these bytes of a segment, all of them where there is room.
    async fn segment(&self, of: SegmentOf, range: Range<u64>) -> Result<Bytes, Failure> {
        let (cache, key, size) = (&self.delivery.segments, of.key(), of.size());
        if range == (0..size) {
            let whole = cache.get(&key, size, self.delivery.package(of.clone(), range.clone())).await?;
            if let Some(bytes) = whole {
                return Ok(bytes);
            }
        } else if let Some(bytes) = cache.peek(&key) {
            return Ok(cut(&bytes, &range));
        }
        if let Some(room) = cache.room(range.end - range.start) {
            return Ok(room.hold(self.delivery.package(of, range).await?));
        }
        let turn = self.small.clone().acquire_owned().await.map_err(|e| Failure::internal("waiting to send", e))?;
        let small = range.start..range.end.min(range.start.saturating_add(PIECE));
        let bytes = self.delivery.package(of, small).await?;
        Ok(Bytes::from_owner(Small { bytes, _turn: turn }))
    }
}
