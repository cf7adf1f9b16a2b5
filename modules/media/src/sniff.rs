//! What a file is, by its first bytes: only the three families that are taken ever reach FFmpeg.

use tessera_contract_media::FailureReason;

use crate::refusal::{Refusal, TAKEN};

/// How many bytes of a file [`sniff`] wants to see.
pub(crate) const SNIFFED: usize = 4096;

/// A container that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Mp4,
    Mov,
    Matroska,
    Webm,
    /// Made into a MOV before anything else is done with it.
    MpegTs,
}

impl Container {
    /// As the contract names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::Webm => "webm",
            Self::MpegTs => "mpegts",
        }
    }

    /// FFmpeg's demuxer for it or for what is made of it, which is named to FFmpeg so that it never guesses.
    pub(crate) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 | Self::Mov | Self::MpegTs => "mov",
            Self::Matroska | Self::Webm => "matroska",
        }
    }
}

/// Tells the container by a file's first bytes, or why it is not taken.
pub(crate) fn sniff(head: &[u8]) -> Result<Container, FailureReason> {
    if head.is_empty() {
        return Err(Refusal::NotAVideo.because(format!("the file is empty; {TAKEN}")));
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        let webm = head.windows(7).take(64).any(|at| at == b"\x42\x82\x84webm");
        return Ok(if webm { Container::Webm } else { Container::Matroska });
    }
    if packet_stride(head).is_some() {
        return Ok(Container::MpegTs);
    }
    match (head.get(4..8), head.get(8..12)) {
        (Some(b"ftyp"), Some(b"qt  ")) => Ok(Container::Mov),
        (Some(b"ftyp"), Some(b"avif" | b"avis" | b"heic" | b"heix" | b"mif1" | b"msf1")) => {
            Err(Refusal::NotAVideo.because(format!("the file is a still image (HEIF or AVIF); {TAKEN}")))
        }
        (Some(b"ftyp"), _) => Ok(Container::Mp4),
        // QuickTime from before `ftyp`.
        (Some(b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot"), _) => Ok(Container::Mov),
        _ => Err(stranger(head)),
    }
}

/// From one packet of a transport stream to the next: 188 bytes (ISO/IEC 13818-1 §2.4.3.2), or 192 with a time before each, as
/// cameras write them. `None` where no packets follow each other.
pub(crate) fn packet_stride(head: &[u8]) -> Option<usize> {
    let begin = |first: usize, size: usize| (0..5).all(|number| head.get(first + number * size) == Some(&0x47));
    [(0, 188), (4, 192)].into_iter().find(|(first, size)| begin(*first, *size)).map(|(_, size)| size)
}

/// Names what is not taken, as well as its first bytes tell.
fn stranger(head: &[u8]) -> FailureReason {
    let riff = |form: &[u8]| head.starts_with(b"RIFF") && head.get(8..12) == Some(form);
    let (refusal, found) = match head {
        _ if riff(b"AVI ") => (Refusal::UnsupportedContainer, "an AVI file"),
        _ if riff(b"WAVE") => (Refusal::NotAVideo, "a sound file (WAV)"),
        _ if riff(b"WEBP") => (Refusal::NotAVideo, "a still image (WebP)"),
        [0x47, ..] if head.len() <= 4 * 188 => (Refusal::Truncated, "an MPEG transport stream of a few packets"),
        [0, 0, 1, 0xba | 0xb3, ..] => (Refusal::UnsupportedContainer, "an MPEG program stream"),
        [b'F', b'L', b'V', ..] => (Refusal::UnsupportedContainer, "a Flash video"),
        [0x30, 0x26, 0xb2, 0x75, ..] => (Refusal::UnsupportedContainer, "a Windows Media file"),
        [0x89, b'P', b'N', b'G', ..] => (Refusal::NotAVideo, "a still image (PNG)"),
        [0xff, 0xd8, 0xff, ..] => (Refusal::NotAVideo, "a still image (JPEG)"),
        [b'G', b'I', b'F', b'8', ..] => (Refusal::NotAVideo, "an image (GIF)"),
        [b'O', b'g', b'g', b'S', ..] => (Refusal::UnsupportedContainer, "an Ogg file"),
        [b'I', b'D', b'3', ..] | [0xff, 0xfb | 0xf3 | 0xf2, ..] => (Refusal::NotAVideo, "a sound file (MP3)"),
        [b'f', b'L', b'a', b'C', ..] => (Refusal::NotAVideo, "a sound file (FLAC)"),
        [b'P', b'K', 3, 4, ..] => (Refusal::NotAVideo, "a ZIP archive"),
        _ if playlist(head) => (Refusal::UnsupportedContainer, "a playlist, which is never followed"),
        _ if std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0')) => (Refusal::NotAVideo, "a text file"),
        _ => (Refusal::UnsupportedContainer, "of a kind that is not known here"),
    };
    refusal.because(format!("the file is {found}; {TAKEN}"))
}

fn playlist(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    [b"#EXTM3U".as_slice(), b"ffconcat", b"<MPD", b"<?xml", b"[playlist]", b"v=0"]
        .iter()
        .any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_told_by_its_first_bytes() {
        for (head, container) in [
            (b"\0\0\0\x20ftypisom\0\0\x02\0".as_slice(), Container::Mp4),
            (b"\0\0\0\x14ftypqt  \0\0\x02\0", Container::Mov),
            (b"\0\0\x10\0moov....", Container::Mov),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87", Container::Webm),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", Container::Matroska),
        ] {
            assert_eq!(sniff(head), Ok(container), "{head:?}");
        }
        let packets = |before: usize| [vec![0; before], vec![0x47], vec![0xff; 187]].concat().repeat(5);
        assert_eq!((sniff(&packets(0)), sniff(&packets(4))), (Ok(Container::MpegTs), Ok(Container::MpegTs)));
    }

    #[test]
    fn anything_else_is_named() {
        for (head, code, word) in [
            (b"".as_slice(), "not_a_video", "empty"),
            (b"Dear editor,\n", "not_a_video", "text"),
            (b"ffconcat version 1.0\nfile secret.txt\n", "unsupported_container", "playlist"),
            (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "unsupported_container", "playlist"),
            (b"RIFF\0\0\0\0AVI LIST", "unsupported_container", "AVI"),
            (b"\x89PNG\r\n\x1a\n", "not_a_video", "PNG"),
            (b"\xff\xd8\xff\xe0", "not_a_video", "JPEG"),
            (b"\0\0\0\x1cftypavif", "not_a_video", "still"),
            (b"\x47\x40\x11", "truncated", "transport"),
            ([[0x47; 188].as_slice(), &[0; 1000]].concat().as_slice(), "unsupported_container", "not known"),
            (b"\x01\x02\0\xfe", "unsupported_container", "not known"),
        ] {
            let refusal = sniff(head).unwrap_err();
            assert_eq!(refusal.code, code, "{head:?}");
            assert!(refusal.message.contains(word), "{head:?}: {}", refusal.message);
        }
    }
}
