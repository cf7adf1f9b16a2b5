//! Packaging: from stored bytes to a segment, or a part of one, as served. No more is read than the part's samples take.

use std::{ops::Range, sync::Arc};

use tessera_at_rest::BlobCipher;
use tessera_contract::{Failure, FailureKind};
use tessera_isobmff::Segment;
use tessera_runtime::blobs::TenantBlobs;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    library::{aside, damaged, lost},
    presentation::{Presentation, Track},
    segment_cache::SegmentKey,
};

/// A part smaller than this is packaged in well under a millisecond, less than handing it over would cost.
const SMALL: u64 = 128 * 1024;
/// Stored bytes between two samples that are rather read along than left out: the headers between two fragments, and more.
const GAP: u64 = 64 * 1024;

/// A segment of a presentation, with its track, each by its place.
#[derive(Debug, Clone)]
pub(crate) struct SegmentOf {
    pub(crate) presentation: Arc<Presentation>,
    pub(crate) track: usize,
    pub(crate) segment: usize,
}

/// Samples that hold wanted bytes of a segment.
struct Part {
    /// The samples, as a segment to read and protect.
    samples: Segment,
    /// Bytes of the segment as served before `samples`; what is before its header is nothing.
    before: u64,
    /// `moof` and the header of `mdat`, where wanted bytes are in there.
    header: Vec<u8>,
}

/// A piece of a track file, as stored.
struct Stored {
    bytes: Vec<u8>,
    offset: u64,
}

impl SegmentOf {
    fn find(&self) -> Result<(&Track, &Segment), Failure> {
        let track = self.presentation.at(self.track);
        let found = track.and_then(|track| Some((track, track.segments.get(self.segment)?)));
        found.ok_or_else(|| Failure::new(FailureKind::Internal, "a segment was looked up that was there before"))
    }

    /// Its bytes as served.
    pub(crate) fn size(&self) -> u64 {
        let range = self.presentation.at(self.track).map(|track| track.layout.segment_range(self.segment));
        range.map_or(0, |range| range.end - range.start)
    }

    /// Names it among all segments of all tenants.
    pub(crate) fn key(&self) -> SegmentKey {
        (self.presentation.identity.clone(), self.track, self.segment)
    }

    /// These of its bytes as served, out of its tenant's `blobs`. The permit is held to the end of the work, also when nobody
    /// waits for it any more.
    pub(crate) async fn package(
        self,
        blobs: &TenantBlobs,
        range: Range<u64>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Vec<u8>, Failure> {
        let part = self.part(&range)?;
        let stored = self.read(blobs, &part).await?;
        let small = part.samples.data_size < SMALL;
        let package = move || {
            let packaged = self.join(stored, part, range);
            drop(permit);
            packaged
        };
        if small { package() } else { aside("packaging a segment", package).await? }
    }

    fn part(&self, range: &Range<u64>) -> Result<Part, Failure> {
        let (track, segment) = self.find()?;
        let header_size = self.size().saturating_sub(segment.data_size);
        let data = |at: u64| at.saturating_sub(header_size);
        let (samples, before) = segment.covering(&track.index, data(range.start)..data(range.end));
        if range.start >= header_size {
            return Ok(Part { samples, before: header_size + before, header: Vec::new() });
        }
        let header = track.index.segment_header(segment, track.signalled());
        let header = header.map_err(|e| Failure::internal("writing a segment's header", e))?;
        Ok(Part { samples, before: 0, header })
    }

    /// The stored bytes that the samples are in.
    async fn read(&self, blobs: &TenantBlobs, part: &Part) -> Result<Vec<Stored>, Failure> {
        let (track, _) = self.find()?;
        let mut spans = Vec::<Range<u64>>::new();
        for range in part.samples.data_ranges(&track.index) {
            match spans.last_mut() {
                Some(last) if range.start >= last.end && range.start - last.end < GAP => last.end = range.end,
                _ => spans.push(range),
            }
        }
        let mut stored = Vec::with_capacity(spans.len());
        for span in spans {
            stored.push(self.read_span(blobs, track, span).await?);
        }
        Ok(stored)
    }

    async fn read_span(&self, blobs: &TenantBlobs, track: &Track, span: Range<u64>) -> Result<Stored, Failure> {
        let end = span.end;
        let blocks = track.checks.as_ref().map_or(span.clone(), |checks| checks.around(span));
        let cut = |found: u64| {
            let what = format!("it has {found} bytes, and its index names byte {end}");
            self.damaged(track, &what)
        };
        match blobs.get_range(&track.blob, blocks.clone()).await {
            Ok(bytes) if bytes.len() as u64 == blocks.end - blocks.start => {
                Ok(Stored { bytes: bytes.into(), offset: blocks.start })
            }
            Ok(bytes) => Err(cut(blocks.start + bytes.len() as u64)),
            Err(failure) => match blobs.info(&track.blob).await {
                Ok(info) if info.size < blocks.end => Err(cut(info.size)),
                _ => Err(lost(failure)),
            },
        }
    }

    /// The wanted bytes: samples decrypted from rest, joined behind their header, and protected.
    fn join(&self, mut stored: Vec<Stored>, part: Part, range: Range<u64>) -> Result<Vec<u8>, Failure> {
        let (track, _) = self.find()?;
        for piece in &mut stored {
            let checked = track.checks.as_ref().map_or(Ok(()), |checks| checks.verify(piece.offset, &piece.bytes));
            checked.map_err(|damage| self.damaged(track, &damage.to_string()))?;
            BlobCipher::new(&self.presentation.at_rest, track.blob.as_str()).at(piece.offset).apply(&mut piece.bytes);
        }
        let Part { samples, before, header } = part;
        let mut packaged = header;
        let data = packaged.len();
        packaged.reserve_exact(usize::try_from(samples.data_size).unwrap_or(0));
        for range in samples.data_ranges(&track.index) {
            packaged.extend_from_slice(found(&stored, &range)?);
        }
        if let Some(protected) = &track.protection {
            let encrypted = protected.cipher.encrypt(&track.index, &samples, &mut packaged[data..]);
            encrypted.map_err(|e| Failure::internal("protecting a segment", e))?;
        }
        cut_to(packaged, range.start.saturating_sub(before)..range.end.saturating_sub(before))
    }

    fn damaged(&self, track: &Track, what: &str) -> Failure {
        damaged(&self.presentation.tenant, &self.presentation.asset, &track.blob, what)
    }
}

fn found<'s>(stored: &'s [Stored], range: &Range<u64>) -> Result<&'s [u8], Failure> {
    let within = |piece: &'s Stored| {
        let at = |position: u64| usize::try_from(position.checked_sub(piece.offset)?).ok();
        piece.bytes.get(at(range.start)?..at(range.end)?)
    };
    let found = stored.iter().find_map(within);
    found.ok_or_else(|| Failure::new(FailureKind::Internal, "samples were not read that are to be packaged"))
}

/// Exactly these of the bytes, without room for the others.
fn cut_to(mut bytes: Vec<u8>, range: Range<u64>) -> Result<Vec<u8>, Failure> {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    let (start, end) = (at(range.start), at(range.end));
    if end > bytes.len() {
        let detail = format!("packaged {} bytes where {end} were announced", bytes.len());
        return Err(Failure::new(FailureKind::Internal, detail));
    }
    match start == 0 && end == bytes.len() {
        true => Ok(bytes),
        false if start == 0 => {
            bytes.truncate(end);
            bytes.shrink_to_fit();
            Ok(bytes)
        }
        false => Ok(bytes[start..end].to_vec()),
    }
}
