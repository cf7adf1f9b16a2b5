//! A packet in which a picture or a piece of sound begins, and the times in its PES header (ISO/IEC 13818-1 §2.4.3).

/// Bytes of a packet.
pub(super) const LENGTH: usize = 188;
/// What it begins with.
pub(super) const SYNC: u8 = 0x47;
/// Ticks of 90 kHz after which times begin anew.
pub(super) const WRAP: i64 = 1 << 33;

/// Bytes of a time.
const TIME: usize = 5;
/// Bytes of a PES header before its times.
const HEAD: usize = 9;

/// The times of a packet, in ticks of 90 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The stream that it belongs to.
    pub(super) pid: u16,
    pub(super) is_video: bool,
    /// When it is shown or heard.
    pub(super) pts: u64,
    /// When it is decoded, where that is another time.
    pub(super) dts: Option<u64>,
    /// Where the times begin.
    at: usize,
}

impl Stamp {
    /// None for a packet in which nothing begins, or without a time, or scrambled.
    pub(super) fn of(packet: &[u8]) -> Option<Self> {
        let (header, rest) = packet.split_first_chunk::<4>()?;
        let [SYNC, first, second, control] = *header else { return None };
        let (begins, is_clear, has_payload) = (first & 0x40 != 0, control & 0xc0 == 0, control & 0x10 != 0);
        if first & 0x80 != 0 || !begins || !is_clear || !has_payload {
            return None;
        }
        let adaptation = if control & 0x20 == 0 { 0 } else { 1 + usize::from(*rest.first()?) };
        let payload = rest.get(adaptation..)?;
        let [0, 0, 1, stream, _, _, marked, flags, length] = *payload.first_chunk::<HEAD>()? else { return None };
        let is_video = matches!(stream, 0xe0..=0xef);
        let is_stream = is_video || matches!(stream, 0xbd | 0xc0..=0xdf | 0xfd);
        if !is_stream || marked & 0xc0 != 0x80 || usize::from(length) < times(flags)? {
            return None;
        }
        let stamps = payload.get(HEAD..HEAD + times(flags)?)?;
        let (pts, dts) = stamps.split_first_chunk::<TIME>()?;
        Some(Self {
            pid: u16::from_be_bytes([first & 0x1f, second]),
            is_video,
            pts: read(*pts),
            dts: dts.first_chunk().map(|dts| read(*dts)),
            at: header.len() + adaptation + HEAD,
        })
    }

    /// When it is decoded.
    pub(super) fn decoded(&self) -> u64 {
        self.dts.unwrap_or(self.pts)
    }

    /// Moves the times in its packet.
    pub(super) fn shift(&self, packet: &mut [u8], by: i64) {
        let moved = |time: u64| (time.cast_signed() + by.rem_euclid(WRAP)).rem_euclid(WRAP).cast_unsigned();
        for (number, time) in std::iter::once(self.pts).chain(self.dts).enumerate() {
            let at = self.at + number * TIME;
            if let Some(place) = packet.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                write(place, moved(time));
            }
        }
    }
}

/// Bytes of the times that the flags of a PES header name; none where there is no time.
fn times(flags: u8) -> Option<usize> {
    match flags >> 6 {
        0b10 => Some(TIME),
        0b11 => Some(2 * TIME),
        _ => None,
    }
}

/// 33 bits with a marker after 3, 15 and 15 of them.
fn read([a, b, c, d, e]: [u8; TIME]) -> u64 {
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    (((a >> 1) & 7) << 30) | (b << 22) | ((c >> 1) << 15) | (d << 7) | (e >> 1)
}

fn write(place: &mut [u8; TIME], time: u64) {
    let bits = |shift: u32, mask: u64| ((time >> shift) & mask) as u8;
    let kept = place[0] & 0xf0;
    let marked = |bits: u8| (bits << 1) | 1;
    *place = [kept | marked(bits(30, 7)), bits(22, 0xff), marked(bits(15, 0x7f)), bits(7, 0xff), marked(bits(0, 0x7f))];
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn packet(pid: u16, stream: u8, pts: u64, dts: Option<u64>) -> Vec<u8> {
        let mut packet = vec![SYNC, 0x40 | (pid >> 8) as u8, pid as u8, 0x30, 1, 0];
        let length = if dts.is_some() { 10 } else { 5 };
        packet.extend([0, 0, 1, stream, 0, 0, 0x80, if dts.is_some() { 0xc0 } else { 0x80 }, length]);
        for (time, kind) in std::iter::once((pts, 0x20)).chain(dts.map(|dts| (dts, 0x10))) {
            let mut place = [kind, 0, 0, 0, 0];
            write(&mut place, time);
            packet.extend(place);
        }
        packet.resize(LENGTH, 0xff);
        packet
    }

    #[test]
    fn times_are_read_moved_over_the_clocks_end_and_nothing_else_is_changed() {
        for (pts, dts, by, moved) in [
            (0, None, 0, (0, None)),
            ((1 << 33) - 1, Some(0x1_5555_5555), 1, (0, Some(0x1_5555_5556))),
            (10, Some(5), -7, (3, Some((1 << 33) - 2))),
            (10, None, i64::MIN, (10, None)),
        ] {
            let mut packet = packet(0x1abc & 0x1fff, 0xe0, pts, dts);
            let before = packet.clone();
            let stamp = Stamp::of(&packet).unwrap();
            assert_eq!((stamp.pid, stamp.is_video, stamp.pts, stamp.dts), (0x1abc, true, pts, dts));
            stamp.shift(&mut packet, by);
            let after = Stamp::of(&packet).unwrap();
            assert_eq!((after.pts, after.dts), moved);
            assert_eq!(packet[25..], before[25..]);
        }
    }

    #[test]
    fn packets_without_a_time_are_left_alone() {
        let whole = packet(0x100, 0xc0, 1, None);
        for (at, with) in
            [(0, 0x48), (1, 0x81), (1, 1), (3, 0xb0), (3, 0x20), (4, 183), (8, 2), (9, 0xbe), (13, 0), (14, 4)]
        {
            let mut other = whole.clone();
            other[at] = with;
            assert_eq!(Stamp::of(&other), None, "byte {at} is {with:#x}");
        }
        assert_eq!(Stamp::of(&whole[..19]), None);
    }
}
