//! How a source's samples stand for colours, and how ours do.

/// The `scale` filter's names of a matrix between Y′CbCr and R′G′B′ (ITU-T H.273 table 4), for a source whose stream says
/// `stated` and whose pictures are `width` × `height`.
///
/// A stream that says nothing is taken as broadcasting and players take it: BT.601 up to standard definition, BT.709
/// above.
pub(crate) fn matrix(stated: Option<&str>, width: u32, height: u32) -> &'static str {
    match stated {
        Some("bt709") => "bt709",
        Some("smpte170m" | "bt470bg") => "bt601",
        Some("smpte240m") => "smpte240m",
        Some("fcc") => "fcc",
        Some("bt2020nc" | "bt2020c") => "bt2020",
        Some(_) | None if width.max(height) > 1024 || width.min(height) > 576 => "bt709",
        Some(_) | None => "bt601",
    }
}

/// What every rendition says of its colours: BT.709 with limited range, so that players need not guess.
pub(crate) const TAGS: [&str; 8] =
    ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_states_counts_and_its_size_where_it_states_nothing() {
        for (stated, width, height, expected) in [
            (Some("bt709"), 320, 180, "bt709"),
            (Some("smpte170m"), 1920, 1080, "bt601"),
            (Some("bt2020nc"), 3840, 2160, "bt2020"),
            (Some("unknown"), 1280, 720, "bt709"),
            (None, 1280, 720, "bt709"),
            (None, 720, 576, "bt601"),
            (None, 360, 640, "bt601"),
            (None, 720, 1280, "bt709"),
        ] {
            assert_eq!(matrix(stated, width, height), expected, "{stated:?} {width}x{height}");
        }
    }
}
