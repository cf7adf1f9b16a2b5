//! Transport streams whose times leap: recordings put one after the other, encoders that began anew. They are made one film
//! whose pictures follow each other without a gap, and whose sound keeps its place beside them.
//!
//! It knows packets and the times in them (ISO/IEC 13818-1), and nothing of tables, programs and codecs.

mod packet;
mod timeline;

use std::io::{self, Read, Write};

use packet::{LENGTH, Stamp};
pub(crate) use timeline::Timeline;
use timeline::{Observed, Retiming};

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// Reads a transport stream whose packets begin every `stride` bytes to its end. `None` when no time leaps in it.
pub(crate) fn observe(from: impl Read, stride: usize) -> io::Result<Option<Timeline>> {
    let mut observed = Observed::default();
    walk(from, io::sink(), stride, |packet| {
        if let Some(stamp) = Stamp::of(packet) {
            observed.push(&stamp);
        }
    })?;
    Ok(observed.timeline())
}

/// Writes the same stream with the times that a timeline gives it.
pub(crate) fn retime(from: impl Read, to: impl Write, stride: usize, timeline: &Timeline) -> io::Result<()> {
    let mut retiming = Retiming::of(timeline);
    walk(from, to, stride, |packet| {
        if let Some(stamp) = Stamp::of(packet) {
            stamp.shift(packet, retiming.next(stamp.pid));
        }
    })
}

/// Hands every packet to `each`, which may change it, and writes all bytes in their order. What is no packet is passed over.
fn walk(mut from: impl Read, mut to: impl Write, stride: usize, mut each: impl FnMut(&mut [u8])) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(PIECE + 2 * stride);
    loop {
        let read = from.by_ref().take(PIECE as u64).read_to_end(&mut bytes)?;
        let is_end = read == 0;
        let mut at = 0;
        while at + stride < bytes.len() || (is_end && at + LENGTH <= bytes.len()) {
            let follows = bytes.get(at + stride).is_none_or(|next| *next == packet::SYNC);
            match bytes.get_mut(at..at + LENGTH) {
                Some(packet) if follows && packet.first() == Some(&packet::SYNC) => {
                    each(packet);
                    at += stride;
                }
                Some(_) | None => at += 1,
            }
        }
        let done = if is_end { bytes.len() } else { at.min(bytes.len()) };
        to.write_all(&bytes[..done])?;
        bytes.drain(..done);
        if is_end {
            return to.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A packet of a stream of video or sound that begins with these times.
    fn packet(pid: u16, pts: u64, dts: Option<u64>) -> Vec<u8> {
        packet::tests::packet(pid, if pid < 0x101 { 0xe0 } else { 0xc0 }, pts, dts)
    }

    /// Two seconds at 25 pictures a second from `begin` on, sound 64 ms at a time, of which the last is after the next part's
    /// first picture where parts follow each other.
    fn part(begin: u64) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let picture = |n: u64| packet(0x100, begin + 3600 * n + 3600, Some(begin + 3600 * n));
        let sound = |n: u64| packet(0x101, begin + 3600 + 5760 * n, None);
        ((0..50).map(picture).collect(), (0..32).map(sound).collect())
    }

    fn times(stream: &[u8], stride: usize, pid: u16) -> Vec<u64> {
        let mut times = Vec::new();
        let note = |packet: &mut [u8]| times.extend(Stamp::of(packet).filter(|s| s.pid == pid).map(|s| s.pts));
        walk(stream, io::sink(), stride, note).unwrap();
        times
    }

    fn retimed(stream: &[u8], stride: usize) -> Option<Vec<u8>> {
        let timeline = observe(stream, stride).unwrap()?;
        let mut out = Vec::new();
        retime(stream, &mut out, stride, &timeline).unwrap();
        assert_eq!(out.len(), stream.len());
        Some(out)
    }

    #[test]
    fn parts_follow_each_other_and_sound_keeps_its_place_wherever_times_leap_to() {
        for second in [900 * 90_000, 0, (1 << 33) - 90_000, 5] {
            let ((pictures, sound), (more, rest)) = (part(400 * 90_000), part(second));
            let mut packets = pictures;
            packets.extend_from_slice(&sound[..31]);
            packets.extend_from_slice(&more);
            packets.push(sound[31].clone());
            packets.extend(rest);
            for (padding, stride) in [(0, 188), (4, 192)] {
                let padded = packets.iter().flat_map(|packet| [vec![0; padding].as_slice(), packet].concat());
                let stream: Vec<u8> = padded.collect();
                let out = retimed(&stream, stride).expect("times leap");
                let begin = 10 * 90_000;
                let pictures: Vec<u64> = (0..100).map(|n| begin + 3600 * n).collect();
                assert_eq!(times(&out, stride, 0x100), pictures, "{second}");
                let sound = (0..32).map(|n| begin + 5760 * n).chain((0..32).map(|n| begin + 180_000 + 5760 * n));
                assert_eq!(times(&out, stride, 0x101), sound.collect::<Vec<_>>(), "{second}");
                assert!(retimed(&out, stride).is_none(), "no time leaps any more");
            }
        }
    }

    #[test]
    fn a_stream_that_goes_on_stays_as_it_is_over_a_loss_and_where_the_clock_begins_anew() {
        let (pictures, sound) = part((1 << 33) - 90_000);
        let whole: Vec<u8> = pictures.iter().zip(&sound).flat_map(|(p, s)| [p.clone(), s.clone()].concat()).collect();
        assert!(retimed(&whole, 188).is_none());
        let lost = [&whole[..188 * 20], &whole[188 * 24 + 7..]].concat();
        assert!(retimed(&lost, 188).is_none());
        assert_eq!(times(&lost, 188, 0x100).len(), 29, "packets are found again");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_none_is_lost(
            bytes in prop::collection::vec(prop_oneof![Just(0x47_u8), any::<u8>()], 0..2000), stride in 188..=192_usize,
        ) {
            let mut out = Vec::new();
            walk(bytes.as_slice(), &mut out, stride, |packet| {
                assert!(Stamp::of(packet).is_none_or(|stamp| stamp.pts < 1 << 33));
            })
            .unwrap();
            prop_assert_eq!(&out, &bytes);
            if let Some(timeline) = observe(bytes.as_slice(), stride).unwrap() {
                retime(bytes.as_slice(), io::sink(), stride, &timeline).unwrap();
            }
        }

        #[test]
        fn any_times_are_taken(times in prop::collection::vec((0x100..0x104_u16, 0..1_u64 << 33), 0..400)) {
            let stream: Vec<u8> = times.iter().flat_map(|(pid, time)| packet(*pid, *time, None)).collect();
            if let Some(timeline) = observe(stream.as_slice(), 188).unwrap() {
                retime(stream.as_slice(), io::sink(), 188, &timeline).unwrap();
            }
        }
    }
}
