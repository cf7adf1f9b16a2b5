//! The boxes of samples: small, in memory, and flat.

/// Appends a box. What is written here is limited to far less than 32 bits count.
pub(super) fn put(to: &mut Vec<u8>, kind: &[u8; 4], payload: &[u8]) {
    let size = u32::try_from(payload.len() + 8).expect("a box holds a cue or a header, of kilobytes");
    to.extend(size.to_be_bytes());
    to.extend(kind);
    to.extend(payload);
}

/// The boxes in `bytes`, as type and payload; `None` for one that does not fit, which ends them.
pub(super) fn boxes(bytes: &[u8]) -> impl Iterator<Item = Option<([u8; 4], &[u8])>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let found = next(rest);
        rest = found.map_or(&[], |(_, _, after)| after);
        Some(found.map(|(kind, payload, _)| (kind, payload)))
    })
}

fn next(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?.checked_sub(8)?;
    let (payload, after) = rest.split_at_checked(size)?;
    Some((*kind, payload, after))
}
