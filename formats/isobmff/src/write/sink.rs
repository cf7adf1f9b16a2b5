//! Boxes into memory: sizes are filled in when a box ends.

/// A growing run of boxes.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    bytes: Vec<u8>,
}

impl Sink {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes there are so far.
    pub(crate) fn position(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count, 0);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// A box whose content `fill` writes.
    pub(crate) fn boxed(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.position();
        self.u32(0);
        self.put(kind);
        fill(self);
        self.set_u32(start, to_u32(self.position() - start));
    }

    /// A box with version and flags.
    pub(crate) fn full_box(&mut self, kind: &[u8; 4], version: u8, flags: u32, fill: impl FnOnce(&mut Self)) {
        self.boxed(kind, |sink| {
            sink.u32(u32::from(version) << 24 | flags);
            fill(sink);
        });
    }

    /// Overwrites four bytes at `position` that were written before.
    pub(crate) fn set_u32(&mut self, position: usize, value: u32) {
        self.bytes[position..position + 4].copy_from_slice(&value.to_be_bytes());
    }
}

/// A size or count within what is written here.
pub(crate) fn to_u32(value: usize) -> u32 {
    u32::try_from(value)
        .expect("a header describes at most 2^20 samples in at most 300 bytes each, and media is limited to 2^30 bytes")
}
