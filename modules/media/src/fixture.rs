//! A source as the tests of plans need it: ten seconds of H.264 in standard range, without sound.

use crate::{
    colour::{Colour, DynamicRange, Primaries},
    frame_rate::FrameRate,
    probe::{Source, VideoStream},
    sniff::Container,
};

/// Of this size, with so many pictures a second: `25/1`.
pub(crate) fn source(width: u32, height: u32, rate: &str) -> Source {
    let rate = FrameRate::parse(rate).expect("a rate");
    let colour = Colour {
        range: DynamicRange::Sdr,
        matrix: "bt709",
        primaries: Primaries::Bt709,
        deep: false,
        mastering: None,
        light: None,
    };
    let video = VideoStream {
        index: 0,
        codec: "h264".into(),
        width,
        height,
        average: Some(rate),
        rate,
        interlaced: false,
        colour,
        begins: 0.0,
        duration: 10.0,
    };
    Source { container: Container::Mp4, video, audio: vec![], subtitles: vec![], start: 0.0 }
}
