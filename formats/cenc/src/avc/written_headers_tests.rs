//! Slice headers of every shape, written bit by bit from ITU-T H.264 §7.3, must be measured exactly.
//!
//! x264 writes few of these shapes: no slice groups, no separate planes, no switching slices, no picture order type 1.

use proptest::prelude::*;
use tessera_isobmff::{AvcConfig, Subsample};

use crate::AvcSubsampler;

/// Bits of a raw byte sequence payload.
#[derive(Default)]
struct BitWriter {
    bits: Vec<bool>,
}

impl BitWriter {
    fn u(&mut self, width: u32, value: u64) {
        (0..width).rev().for_each(|shift| self.bits.push(value >> shift & 1 == 1));
    }

    fn ue(&mut self, value: u64) {
        let width = (value + 1).ilog2();
        self.u(width, 0);
        self.u(width + 1, value + 1);
    }

    fn se(&mut self, value: u64) {
        self.ue(value);
    }

    fn bytes(&self) -> Vec<u8> {
        self.bits.chunks(8).map(|bits| (0..8).fold(0, |b, i| b << 1 | u8::from(bits.get(i) == Some(&true)))).collect()
    }
}

/// Emulation prevention (§7.4.1), with the length of the first `measured` bytes in the result.
fn escape(payload: &[u8], measured: usize) -> (Vec<u8>, usize) {
    let (mut escaped, mut zeros, mut length) = (Vec::new(), 0, 0);
    for (position, byte) in payload.iter().enumerate() {
        if zeros == 2 && *byte <= 3 {
            escaped.push(3);
            zeros = 0;
        }
        escaped.push(*byte);
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        if position + 1 == measured {
            length = escaped.len();
        }
    }
    (escaped, length)
}

/// Decisions of a generated stream; half of them are zero, so that emulation prevention is met often.
struct Choices {
    values: Vec<u32>,
    next: usize,
}

impl Choices {
    fn below(&mut self, limit: u64) -> u64 {
        self.next += 1;
        let value = self.values[self.next % self.values.len()].rotate_left((self.next / self.values.len()) as u32);
        if value & 1 == 0 { 0 } else { u64::from(value >> 1) % limit }
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// What the slice header depends on, as chosen for the parameter sets.
struct Stream {
    separate: bool,
    chroma: bool,
    frame_num_bits: u32,
    poc_type: u64,
    poc_bits: u32,
    delta_zero: bool,
    frame_mbs_only: bool,
    cabac: bool,
    bottom_order: bool,
    group_cycle_bits: Option<u32>,
    references: [u64; 2],
    weighted: bool,
    bipred: u64,
    deblocking: bool,
    redundant: bool,
}

fn write_sps(c: &mut Choices, w: &mut BitWriter) -> (Stream, u64) {
    w.u(8, 244);
    w.u(16, 0);
    w.ue(0);
    let format = c.below(4);
    w.ue(format);
    let separate = format == 3 && c.flag();
    if format == 3 {
        w.u(1, separate.into());
    }
    [0, 0].iter().for_each(|depth| w.ue(*depth));
    w.u(2, 0);
    let frame_num_bits = 4 + c.below(13) as u32;
    w.ue(u64::from(frame_num_bits) - 4);
    let (poc_type, poc_bits, delta_zero) = (c.below(3), 4 + c.below(13) as u32, c.flag());
    w.ue(poc_type);
    match poc_type {
        0 => w.ue(u64::from(poc_bits) - 4),
        1 => {
            w.u(1, delta_zero.into());
            [5, 6, 2, 9, 9].iter().for_each(|value| w.se(*value));
        }
        _ => {}
    }
    w.ue(4);
    w.u(1, 0);
    let (width, height, frame_mbs_only) = (1 + c.below(120), 1 + c.below(68), c.flag());
    w.ue(width - 1);
    w.ue(height - 1);
    w.u(1, frame_mbs_only.into());
    w.u(8, 0x80);
    let stream = Stream {
        separate,
        chroma: format != 0 && !separate,
        frame_num_bits,
        poc_type,
        poc_bits,
        delta_zero,
        frame_mbs_only,
        cabac: c.flag(),
        bottom_order: c.flag(),
        group_cycle_bits: None,
        references: [1 + c.below(32), 1 + c.below(32)],
        weighted: c.flag(),
        bipred: c.below(3),
        deblocking: c.flag(),
        redundant: c.flag(),
    };
    (stream, width * height)
}

fn write_pps(c: &mut Choices, w: &mut BitWriter, s: &mut Stream, map_units: u64) {
    w.ue(0);
    w.ue(0);
    w.u(1, s.cabac.into());
    w.u(1, s.bottom_order.into());
    let groups = c.below(3);
    w.ue(groups);
    if groups > 0 {
        write_slice_groups(c, w, s, groups, map_units);
    }
    s.references.iter().for_each(|count| w.ue(count - 1));
    w.u(1, s.weighted.into());
    w.u(2, s.bipred);
    [3, 3, 3].iter().for_each(|value| w.se(*value));
    w.u(1, s.deblocking.into());
    w.u(1, 0);
    w.u(1, s.redundant.into());
    w.u(8, 0x80);
}

fn write_slice_groups(c: &mut Choices, w: &mut BitWriter, s: &mut Stream, groups: u64, map_units: u64) {
    let kind = c.below(7);
    w.ue(kind);
    match kind {
        0 => (0..=groups).for_each(|_| w.ue(c.below(9))),
        2 => (0..2 * groups).for_each(|_| w.ue(c.below(9))),
        3..=5 => {
            let rate = 1 + c.below(map_units);
            w.u(1, 0);
            w.ue(rate - 1);
            let steps = (map_units as f64 / rate as f64) + 1.0;
            s.group_cycle_bits = Some(steps.log2().ceil() as u32);
        }
        6 => {
            w.ue(map_units - 1);
            let width = if groups == 1 { 1 } else { 2 };
            (0..map_units).for_each(|_| w.u(width, 0));
        }
        _ => {}
    }
}

fn write_slice_header(c: &mut Choices, w: &mut BitWriter, s: &Stream, idr: bool, reference: bool) {
    let (b, i, sp, si) = (1, 2, 3, 4);
    let kind = if idr { 2 } else { c.below(5) };
    w.ue(c.below(3000));
    w.ue(if c.flag() { kind + 5 } else { kind });
    w.ue(0);
    if s.separate {
        w.u(2, c.below(3));
    }
    w.u(s.frame_num_bits, c.below(1 << s.frame_num_bits));
    let field = !s.frame_mbs_only && c.flag();
    if !s.frame_mbs_only {
        w.u(1, field.into());
    }
    if field {
        w.u(1, c.below(2));
    }
    if idr {
        w.ue(c.below(65_536));
    }
    write_picture_order(c, w, s, s.bottom_order && !field);
    if s.redundant {
        w.ue(c.below(128));
    }
    if kind == b {
        w.u(1, c.below(2));
    }
    if kind != i && kind != si {
        write_references(c, w, s, kind);
    }
    if reference {
        write_marking(c, w, idr);
    }
    if s.cabac && kind != i && kind != si {
        w.ue(c.below(3));
    }
    w.se(c.below(52));
    if kind == sp {
        w.u(1, c.below(2));
    }
    if kind == sp || kind == si {
        w.se(c.below(52));
    }
    if s.deblocking {
        let disable = c.below(3);
        w.ue(disable);
        (0..if disable == 1 { 0 } else { 2 }).for_each(|_| w.se(c.below(13)));
    }
    if let Some(width) = s.group_cycle_bits {
        w.u(width, c.below(1 << width));
    }
}

fn write_picture_order(c: &mut Choices, w: &mut BitWriter, s: &Stream, bottom: bool) {
    if s.poc_type == 0 {
        w.u(s.poc_bits, c.below(1 << s.poc_bits));
    }
    let deltas = match s.poc_type {
        0 => u64::from(bottom),
        1 if !s.delta_zero => 1 + u64::from(bottom),
        _ => 0,
    };
    (0..deltas).for_each(|_| w.se(c.below(70_000)));
}

/// Reference counts, list modifications and weights of P (0), B (1) and SP (3) slices.
fn write_references(c: &mut Choices, w: &mut BitWriter, s: &Stream, kind: u64) {
    let lists = if kind == 1 { 2 } else { 1 };
    let mut references = s.references;
    let changed = c.flag();
    w.u(1, changed.into());
    for count in references.iter_mut().take(if changed { lists } else { 0 }) {
        *count = 1 + c.below(32);
        w.ue(*count - 1);
    }
    for _ in 0..lists {
        let operations = c.below(5);
        w.u(1, (operations > 0).into());
        (0..operations).for_each(|_| [c.below(3), c.below(500)].iter().for_each(|value| w.ue(*value)));
        if operations > 0 {
            w.ue(3);
        }
    }
    let weighted = if kind == 1 { s.bipred == 1 } else { s.weighted };
    if weighted {
        write_weights(c, w, s.chroma, references.iter().take(lists).sum());
    }
}

fn write_weights(c: &mut Choices, w: &mut BitWriter, chroma: bool, entries: u64) {
    (0..=u64::from(chroma)).for_each(|_| w.ue(c.below(8)));
    for _ in 0..entries {
        for values in [2, 4].into_iter().take(if chroma { 2 } else { 1 }) {
            let present = c.flag();
            w.u(1, present.into());
            (0..if present { values } else { 0 }).for_each(|_| w.se(c.below(256)));
        }
    }
}

fn write_marking(c: &mut Choices, w: &mut BitWriter, idr: bool) {
    if idr {
        return w.u(2, c.below(4));
    }
    let operations = c.below(6);
    w.u(1, (operations > 0).into());
    for _ in 0..operations {
        let operation = 1 + c.below(6);
        w.ue(operation);
        let operands = [1, 1, 2, 1, 0, 1][operation as usize - 1];
        (0..operands).for_each(|_| w.ue(c.below(200)));
    }
    if operations > 0 {
        w.ue(0);
    }
}

fn nal(header: u8, writer: &BitWriter) -> Vec<u8> {
    [vec![header], escape(&writer.bytes(), 0).0].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_slice_stays_clear_up_to_the_end_of_its_header(
        values in prop::collection::vec(any::<u32>(), 8..400),
        idr: bool,
        reference: bool,
        data in prop::collection::vec(0u8..4, 1..40),
    ) {
        let mut choices = Choices { values, next: 0 };
        let (mut sps, mut pps, mut header) = (BitWriter::default(), BitWriter::default(), BitWriter::default());
        let (mut stream, map_units) = write_sps(&mut choices, &mut sps);
        write_pps(&mut choices, &mut pps, &mut stream, map_units);
        let reference = reference || idr;
        write_slice_header(&mut choices, &mut header, &stream, idr, reference);

        // The parameter sets come in band, as they may.
        let config = AvcConfig {
            profile: 244, compatibility: 0, level: 40, nal_length_size: 2, sps: Vec::new(), pps: Vec::new(),
        };
        let bytes = header.bytes();
        let (payload, clear) = escape(&[bytes.clone(), data].concat(), bytes.len());
        let slice_header = if idr { 0x65 } else { 0x01 | if reference { 0x40 } else { 0 } };
        let slice = [vec![slice_header], payload].concat();
        let nals = [nal(0x67, &sps), nal(0x68, &pps), slice.clone()];
        let sample: Vec<u8> =
            nals.iter().flat_map(|nal| [&(nal.len() as u16).to_be_bytes(), nal.as_slice()].concat()).collect();

        let protected = slice.len() - 1 - clear;
        let expected = Subsample { clear: (sample.len() - protected) as u16, protected: protected as u32 };
        let found = AvcSubsampler::new(&config).unwrap().subsamples(&sample);
        prop_assert_eq!(found, Ok(vec![expected]));
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_by_an_error(
        sample in prop::collection::vec(any::<u8>(), 0..300),
        kind in prop::sample::select(vec![0x65u8, 0x41, 0x01, 0x67, 0x68, 0x06]),
    ) {
        let config = AvcConfig {
            profile: 244, compatibility: 0, level: 40, nal_length_size: 1, sps: Vec::new(), pps: Vec::new(),
        };
        let sized: Vec<u8> = [vec![(sample.len() % 256) as u8, kind], sample].concat();
        if let Ok(subsamples) = AvcSubsampler::new(&config).unwrap().subsamples(&sized) {
            let total: usize = subsamples.iter().map(|s| usize::from(s.clear) + s.protected as usize).sum();
            prop_assert_eq!(total, sized.len());
        }
    }
}
