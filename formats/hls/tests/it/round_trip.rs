//! Reading is the inverse of writing, and no text makes it panic.

use proptest::{prelude::*, sample::Index};
use tessera_hls::{MAX_LINES, MAX_PLAYLIST, MediaPlaylist, MultivariantPlaylist, ReadError, check};

use crate::presentation::{media, multivariant};

proptest! {
    #[test]
    fn media_playlists_come_back_as_they_were(playlist in media()) {
        prop_assert_eq!(MediaPlaylist::read(&playlist.write().unwrap()).unwrap(), playlist);
    }

    #[test]
    fn multivariant_playlists_come_back_as_they_were(playlist in multivariant()) {
        prop_assert_eq!(MultivariantPlaylist::read(&playlist.write().unwrap()).unwrap(), playlist);
    }

    #[test]
    fn a_timescale_is_lost_but_no_text(mut playlist in media(), timescale in 1u32..200_000) {
        playlist.timescale = timescale;
        playlist.target_duration = None;
        let text = playlist.write().unwrap();
        prop_assert_eq!(MediaPlaylist::read(&text).unwrap().write().unwrap(), text);
    }
}

#[test]
fn what_is_not_wanted_is_refused() {
    let media = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na\n";
    assert_eq!(MediaPlaylist::read(media), Err(ReadError::NotWhole));
    assert!(MediaPlaylist::read(&format!("{media}#EXT-X-ENDLIST")).is_ok());
    assert_eq!(MediaPlaylist::read("#EXT-X-TARGETDURATION:4\n"), Err(ReadError::NotPlaylist));
    assert_eq!(MediaPlaylist::read("#EXTM3U\n"), Err(ReadError::NotKind("media playlist")));
    assert_eq!(MultivariantPlaylist::read(media), Err(ReadError::NotKind("multivariant playlist")));
    assert!(MediaPlaylist::read("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n").is_err());
    for long in [" ".repeat(MAX_PLAYLIST + 1), "\n".repeat(MAX_LINES + 1)] {
        assert!(matches!(MediaPlaylist::read(&long), Err(ReadError::TooLong { .. })));
        assert_eq!(check(&long).iter().map(|finding| finding.rule.id).collect::<Vec<_>>(), ["too-long"]);
    }
    for line in [
        "#EXTINF:x,\na",
        "a",
        "#EXTINF:4,\n#EXT-X-BYTERANGE:5\na",
        "#EXT-X-KEY:METHOD=SAMPLE-AES",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"",
        "#EXT-X-MAP:BYTERANGE=\"1@1\"",
        "#EXT-X-MAP:URI=\"a\",BYTERANGE=\"x\"",
        "#EXT-X-START:TIME-OFFSET=x",
    ] {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{line}\n#EXT-X-ENDLIST\n");
        assert!(matches!(MediaPlaylist::read(&text), Err(ReadError::Line { .. })), "{line}");
    }
}

proptest! {
    #[test]
    fn damaged_playlists_are_refused_or_can_be_written(
        media in media(), multivariant in multivariant(), at: Index, text in "[ -~\\r\\n,=\"@#:]{0,12}", cut in 0usize..12,
    ) {
        for whole in [media.write().unwrap(), multivariant.write().unwrap()] {
            let mut damaged: Vec<char> = whole.chars().collect();
            let from = at.index(damaged.len());
            damaged.splice(from..(from + cut).min(whole.chars().count()), text.chars());
            let damaged: String = damaged.into_iter().collect();
            let _ = MediaPlaylist::read(&damaged).map(|playlist| playlist.write());
            let _ = MultivariantPlaylist::read(&damaged).map(|playlist| playlist.write());
        }
    }
}
