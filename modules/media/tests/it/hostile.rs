//! Files made to hurt: each ends in a refusal that a person understands, or in a film that is no larger than it says.

use tessera_test_media::{Bench, picture};

use crate::{
    forge::{alias, boxed, edited, fragment, full, sample_table, with_pictures_of, words},
    refused::{check, refusals},
};

/// A small film, a second long.
fn film(bench: &Bench) -> Option<Vec<u8>> {
    let words = format!("{} -c:v libx264 film.mp4", picture("64x64", 10, 1));
    bench.ffmpeg(&words).map(|_| bench.read("film.mp4"))
}

#[tokio::test]
async fn a_size_or_length_that_is_a_lie_costs_nothing() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    let billions = |count: u32| {
        let sizes = edited(&film, &sample_table(b"stsz"), &|_| full(b"stsz", &words(&[1, count])));
        let chunks = edited(&sizes, &sample_table(b"stsc"), &|_| full(b"stsc", &words(&[1, 1, count, 1])));
        edited(&chunks, &sample_table(b"stts"), &|_| full(b"stts", &words(&[1, count, 512])))
    };
    let apart = |ticks: u32| edited(&film, &sample_table(b"stts"), &|_| full(b"stts", &words(&[1, 10, ticks])));
    let says = |file: &[u8], seconds: u32| {
        edited(file, &[b"moov", b"trak", b"mdia", b"mdhd"], &|mdhd| {
            let scale = u32::from_be_bytes(mdhd[20..24].try_into().unwrap());
            [&mdhd[..24], &words(&[scale * seconds]), &mdhd[28..]].concat()
        })
    };
    let longer = format!("{} -c:v libx264 longer.mp4", picture("64x64", 10, 4));
    bench.ffmpeg(&longer);
    // Without the edit list, which would cut it to what it says.
    let uncut = |file: &[u8]| edited(file, &[b"moov", b"trak", b"edts"], &|_| Vec::new());
    let longer =
        edited(&uncut(&bench.read("longer.mp4")), &sample_table(b"stts"), &|_| full(b"stts", &words(&[1, 40, 10_240])));
    let files = [
        ("two billion samples", billions(2_000_000_000)),
        ("ten million samples", billions(10_000_000)),
        ("an hour between pictures", apart(10_240 * 3600)),
        ("forty seconds in four", longer),
        ("ten hours of ten pictures", says(&uncut(&apart(10_240 * 3600)), 36_000)),
        ("a picture of 100,000 a side", with_pictures_of(&film, 100_000, 100_000)),
        ("a picture of 12,288 a side", with_pictures_of(&film, 12_288, 12_288)),
    ];
    let expected = [
        ("two billion samples", "truncated", "2000000000 samples"),
        ("ten million samples", "truncated", "10000000 samples"),
        ("an hour between pictures", "transcode_failed", "cannot be used"),
        ("forty seconds in four", "transcode_failed", "goes on after that"),
        ("ten hours of ten pictures", "too_large", "too few for a film"),
        ("a picture of 100,000 a side", "transcode_failed", "could not be decoded"),
        ("a picture of 12,288 a side", "too_large", "picture is larger than"),
    ];
    check(&refusals(files).await, &expected);
}

#[tokio::test]
async fn boxes_that_do_not_add_up_are_a_damaged_file() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    let kind = film[..film[3] as usize].to_vec();
    let nested = (0..20_000).fold(Vec::new(), |inner, _| boxed(b"moov", &inner));
    let after = |content: &[u8]| [kind.as_slice(), content].concat();
    let huge = |size: u64| [b"\0\0\0\x01moov".as_slice(), &size.to_be_bytes(), &[0; 100]].concat();
    let names = ["nested", "to the end", "larger than all", "wrapping around", "smaller than itself", "no boxes"];
    let files = [
        after(&nested),
        after(&[b"\0\0\0\0moov".as_slice(), &[0; 100]].concat()),
        after(&huge(u64::MAX)),
        after(&huge((1 << 63) + 8)),
        after(&huge(8)),
        [b"\x1a\x45\xdf\xa3".as_slice(), b"#EXTM3U\nfile:///etc/hostname\n"].concat(),
    ];
    let expected = names.map(|name| (name, "truncated", "cut short"));
    check(&refusals(names.into_iter().zip(files)).await, &expected);
}

#[tokio::test]
async fn what_a_film_refers_to_is_never_read() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    // Readable by everybody: only FFmpeg's own rules keep it away.
    let folder =
        tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let other = folder.path().join("other.mp4");
    std::fs::write(&other, &film).unwrap();
    let address = format!("file:{}\0", other.display());
    let data = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"];
    let empty = edited(&film, &[b"mdat"], &|mdat| boxed(b"mdat", &vec![0; mdat.len() - 8]));
    let outside = |entry: Vec<u8>| edited(&empty, &data, &|_| full(b"dref", &[words(&[1]), entry.clone()].concat()));
    let reference =
        [words(&[0]), b"url ".to_vec(), words(&[address.len() as u32]), address.clone().into_bytes()].concat();
    let reference = boxed(b"rmra", &boxed(b"rmda", &boxed(b"rdrf", &reference)));
    let movie = [boxed(b"ftyp", b"qt  \0\0\x02\0qt  "), boxed(b"moov", &reference)].concat();
    let script = format!("ffconcat version 1.0\nfile '{}'\n", other.display());
    let lists = [b"\0\0\0\x08free".as_slice(), script.as_bytes()].concat();
    let files = [
        ("samples in another file", outside(full(b"url ", address.as_bytes()))),
        ("samples behind an alias", outside(full(b"alis", &alias(&other)))),
        ("a reference movie", movie),
        ("a script behind a box", lists),
        ("a script behind white space", format!("\u{feff} \r\n\t{script}").into_bytes()),
        (
            "a playlist behind much white space",
            format!("{}#EXTM3U\n{}\n", " ".repeat(5000), other.display()).into_bytes(),
        ),
    ];
    let found = refusals(files).await;
    let expected = [
        ("samples in another file", "transcode_failed", "could not be decoded"),
        ("samples behind an alias", "transcode_failed", "could not be decoded"),
        ("a reference movie", "truncated", "cut short"),
        ("a script behind a box", "truncated", "cut short"),
        ("a script behind white space", "unsupported_container", "playlist"),
        ("a playlist behind much white space", "not_a_video", "text"),
    ];
    check(&found, &expected);
    assert!(found.iter().all(|(_, reason)| !reason.message.contains("other.mp4")), "{found:?}");
}

#[tokio::test]
async fn huge_pictures_of_other_kinds_never_reach_a_decoder() {
    let side = 0xffff_u16.to_be_bytes();
    let jpeg = [&[0xff, 0xd8, 0xff, 0xc0, 0, 17, 8], side.as_slice(), &side, &[3]].concat();
    let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &words(&[100_000, 100_000]), &[8, 2, 0, 0, 0]].concat();
    let avi = [b"RIFF\xff\xff\xff\xffAVI LIST\0\0\0\xc0hdrlavih8\0\0\0".as_slice(), &[0; 32], &words(&[u32::MAX; 2])]
        .concat();
    let files = [("jpeg", jpeg), ("png", png), ("avi", avi), ("ogg", b"OggS\0\x02\x80theora\xff\xff\xff\xff".to_vec())];
    let expected = [
        ("jpeg", "not_a_video", "JPEG"),
        ("png", "not_a_video", "PNG"),
        ("avi", "unsupported_container", "AVI"),
        ("ogg", "unsupported_container", "Ogg"),
    ];
    check(&refusals(files).await, &expected);
}

#[tokio::test]
async fn thousands_of_tiny_fragments_end_soon() {
    let bench = Bench::new();
    let words = format!(
        "{} -c:v libx264 -movflags frag_every_frame+empty_moov+default_base_moof tiny.mp4",
        picture("64x64", 10, 1)
    );
    let Some(_) = bench.ffmpeg(&words) else { return };
    let film = bench.read("tiny.mp4");
    let first = film.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
    let mut many = film[..first].to_vec();
    for number in 0..10_000 {
        many.extend(fragment(number + 1, number * 512, b"\0\0\0\x02\x09\x10"));
    }
    check(&refusals([("many", many)]).await, &[("many", "transcode_failed", "could not be decoded")]);
}

/// Matroska elements (RFC 8794 §6.2): all sizes unknown is for streams alone, and nests without an end.
#[tokio::test]
async fn elements_of_unknown_size_end_where_the_file_does() {
    const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    const TAGS: [u8; 4] = [0x12, 0x54, 0xc3, 0x67];
    const SIMPLE_TAG: [u8; 2] = [0x67, 0xc8];
    let bench = Bench::new();
    let words = format!("{} -c:v libx264 film.mkv", picture("64x64", 10, 1));
    let Some(_) = bench.ffmpeg(&words) else { return };
    let film = bench.read("film.mkv");
    let at = film.windows(4).position(|id| id == SEGMENT).unwrap();
    let head = [&film[..at], SEGMENT.as_slice(), &UNKNOWN].concat();
    let nested = |id: &[u8]| [head.as_slice(), &TAGS, &UNKNOWN, &[id, &UNKNOWN].concat().repeat(20_000)].concat();
    let files = [
        ("segments in segments", nested(&SEGMENT)),
        ("tags in tags", nested(&SIMPLE_TAG)),
        ("a segment without anything", head.clone()),
    ];
    let expected = [
        ("segments in segments", "truncated", "cut short"),
        ("tags in tags", "truncated", "cut short"),
        ("a segment without anything", "truncated", "cut short"),
    ];
    check(&refusals(files).await, &expected);
}
