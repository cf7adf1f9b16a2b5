//! Files that lie, made of one that does not.

/// A box (ISO/IEC 14496-12 §4.2).
pub(crate) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [size.to_be_bytes().as_slice(), kind, content].concat()
}

/// A full box of version 0 without flags.
pub(crate) fn full(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    boxed(kind, &[[0; 4].as_slice(), content].concat())
}

/// Numbers of 32 bits, as boxes have them.
pub(crate) fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// `file` with the box at `path` put through `change`, and the sizes of all around it corrected.
pub(crate) fn edited(file: &[u8], path: &[&[u8; 4]], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (mut rest, mut made) = (file, Vec::new());
    while rest.len() >= 8 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let (this, after) = rest.split_at(size);
        match path {
            [only] if this[4..8] == **only => made.extend(change(this)),
            [first, inner @ ..] if this[4..8] == **first => {
                made.extend(boxed(first, &edited(&this[8..], inner, change)))
            }
            _ => made.extend(this),
        }
        rest = after;
    }
    made
}

/// The way to a track's sample table.
pub(crate) fn sample_table(last: &'static [u8; 4]) -> [&'static [u8; 4]; 6] {
    [b"moov", b"trak", b"mdia", b"minf", b"stbl", last]
}

/// An H.264 sequence parameter set of the baseline profile for pictures of this size (ISO/IEC 14496-10 §7.3.2.1.1).
fn parameter_set(width: u32, height: u32) -> Vec<u8> {
    let golomb = |value: u32| format!("{:0>1$b}", value + 1, 2 * (value + 1).ilog2() as usize + 1);
    let mut bits = [0, 0, 2, 1].map(golomb).concat() + "0";
    bits += &(golomb(width / 16 - 1) + &golomb(height / 16 - 1) + "1100" + "1");
    while !bits.len().is_multiple_of(8) {
        bits.push('0');
    }
    let payload =
        bits.as_bytes().chunks(8).map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap());
    let mut escaped: Vec<u8> = vec![0x67, 66, 0, 51];
    for byte in payload {
        if byte <= 3 && escaped.ends_with(&[0, 0]) {
            escaped.push(3);
        }
        escaped.push(byte);
    }
    escaped
}

/// `mp4`, whose sample description still says its size, with another in the H.264 stream itself.
pub(crate) fn with_pictures_of(mp4: &[u8], width: u32, height: u32) -> Vec<u8> {
    let (sps, pps) = (parameter_set(width, height), [0x68, 0xce, 0x3c, 0x80]);
    let mut avcc = vec![1, 66, 0, 51, 0xff, 0xe1, 0, sps.len() as u8];
    avcc.extend([sps.as_slice(), &[1, 0, 4], &pps].concat());
    edited(mp4, &sample_table(b"stsd"), &|stsd| {
        // The box, its flags, the number of entries, the entry's own header and the 78 bytes of a picture's.
        let visual = &stsd[24..24 + 78];
        let entry = boxed(b"avc1", &[visual, &boxed(b"avcC", &avcc)].concat());
        full(b"stsd", &[words(&[1]), entry].concat())
    })
}

/// A fragment with one sample of `data` (ISO/IEC 14496-12 §8.8).
pub(crate) fn fragment(number: u32, time: u32, data: &[u8]) -> Vec<u8> {
    let made = |offset: u32| {
        let flagged = |kind, flags: u32, content: &[u32]| boxed(kind, &[words(&[flags]), words(content)].concat());
        let header = flagged(b"tfhd", 0x02_0008, &[1, 512]);
        let run = flagged(b"trun", 0x0201, &[1, offset, data.len() as u32]);
        let track = boxed(b"traf", &[header, full(b"tfdt", &words(&[time])), run].concat());
        boxed(b"moof", &[full(b"mfhd", &words(&[number])), track].concat())
    };
    let size = made(0).len() as u32;
    [made(size + 8), boxed(b"mdat", data)].concat()
}

/// A Macintosh alias to a file, as QuickTime wrote them: volume, name, and the way there with colons.
pub(crate) fn alias(file: &std::path::Path) -> Vec<u8> {
    let way = format!("disk{}", file.display()).replace('/', ":");
    let padded = |text: &str, size: usize| [text.as_bytes(), &vec![0; size - text.len()]].concat();
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut made =
        [vec![0; 10], vec![4], padded("disk", 27), vec![0; 12], vec![name.len() as u8], padded(name, 63)].concat();
    made.extend(
        [vec![0; 16], vec![0, 1, 0, 1], vec![0; 16], vec![0, 2], (way.len() as u16).to_be_bytes().to_vec()].concat(),
    );
    made.extend(way.as_bytes());
    made.resize(made.len().next_multiple_of(2), 0);
    made.extend([0xff, 0xff, 0, 0]);
    made
}
